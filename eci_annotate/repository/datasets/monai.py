"""The layout of MONAI (the Medical Segmentation Decathlon's): images, labels, dataset.json with relative paths."""

from __future__ import annotations

from collections.abc import Sequence

from eci_annotate.imaging.measurements import unit_of
from eci_annotate.imaging.nifti import image_file, nifti_file
from eci_annotate.imaging.volume import grid_of, values_kji
from eci_annotate.repository.datasets.dataset_case import Sample
from eci_annotate.repository.datasets.dataset_layout import (
    NamedFiles,
    Rows,
    finite_values,
    json_bytes,
    modality_of,
    title_of,
)
from eci_annotate.repository.datasets.dataset_plan import DatasetPlan
from eci_annotate.repository.datasets.subject_split import DatasetPart


class MonaiLayout:
    """Files for MONAI's `load_decathlon_datalist`."""

    def __init__(self, plan: DatasetPlan) -> None:
        self.plan = plan

    def add(self, sample: Sample) -> NamedFiles:
        """Yield image and label map of one sample."""
        grid, unit = grid_of(sample.image), unit_of(sample.image)
        yield f"images/{sample.case.name}.nii.gz", image_file(finite_values(sample), grid, unit=unit)
        yield f"labels/{sample.case.name}.nii.gz", nifti_file(values_kji(sample.mask), grid, unit=unit)

    def listed(self, sample: Sample) -> None:
        """Return nothing: the rows say all."""

    def close(self, rows: Rows, listed: Sequence[None]) -> NamedFiles:
        """Yield dataset.json."""
        names = {part: [str(row["case"]) for row in rows if row["part"] == part] for part in DatasetPart}
        document = {
            "name": title_of(self.plan),
            "description": "Signed annotations, see DATASHEET.md",
            **({"licence": name} if (name := self.plan.rules.licence) else {}),
            "tensorImageSize": "3D",
            "modality": {"0": modality_of(rows)},
            "labels": {"0": "background", **{str(value): name for name, value in self.plan.values.items()}},
            "numTraining": len(names[DatasetPart.TRAINING]),
            "numTest": len(names[DatasetPart.TEST]),
            **{str(part): [_pair(name) for name in names[part]] for part in DatasetPart},
        }
        yield "dataset.json", json_bytes(document)


def _pair(name: str) -> dict[str, str]:
    return {"image": f"images/{name}.nii.gz", "label": f"labels/{name}.nii.gz"}
