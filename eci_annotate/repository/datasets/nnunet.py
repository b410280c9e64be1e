"""The layout of nnU-Net v2: ``DatasetNNN_name`` with imagesTr, labelsTr, imagesTs, labelsTs and dataset.json.

nnU-Net validates on a part of imagesTr: ours is named in ``splits_final.json``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from eci_annotate.errors import BadRequest
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

IGNORED = "ignore"  # nnU-Net's own name for voxels that nothing is learned from


class NnunetLayout:
    """Files for nnU-Net v2; `number` is its dataset id."""

    def __init__(self, plan: DatasetPlan, number: int = 1) -> None:
        if not 1 <= number <= 999:
            raise BadRequest("The number of an nnU-Net dataset is from 1 to 999.", "Choose another --dataset-id.")
        if plan.values.get(IGNORED, len(plan.values)) != len(plan.values):
            remedy = "Name it last in a file of --labels, or call it something else: nnU-Net learns nothing from it."
            raise BadRequest(f"nnU-Net takes a class named {IGNORED!r} as the last one only.", remedy)
        self.plan = plan
        self.folder = f"Dataset{number:03d}_{re.sub('[^A-Za-z0-9]+', '_', title_of(plan))}"

    def add(self, sample: Sample) -> NamedFiles:
        """Yield image and label map of one sample."""
        end = "Ts" if sample.case.part is DatasetPart.TEST else "Tr"
        grid, unit = grid_of(sample.image), unit_of(sample.image)
        name = sample.case.name
        image = image_file(finite_values(sample), grid, unit=unit)
        yield f"{self.folder}/images{end}/{name}_0000.nii.gz", image
        yield f"{self.folder}/labels{end}/{name}.nii.gz", nifti_file(values_kji(sample.mask), grid, unit=unit)

    def listed(self, sample: Sample) -> None:
        """Return nothing: the rows say all."""

    def close(self, rows: Rows, listed: Sequence[None]) -> NamedFiles:
        """Yield dataset.json and the fold of the split."""
        names = {part: [row["case"] for row in rows if row["part"] == part] for part in DatasetPart}
        train, validation = names[DatasetPart.TRAINING], names[DatasetPart.VALIDATION]
        document = {
            "channel_names": {"0": modality_of(rows)},
            "labels": {"background": 0, **self.plan.values},
            "numTraining": len(train) + len(validation),
            "file_ending": ".nii.gz",
            **({"licence": name} if (name := self.plan.rules.licence) else {}),
        }
        yield f"{self.folder}/dataset.json", json_bytes(document)
        yield f"{self.folder}/splits_final.json", json_bytes([{"train": train, "val": validation}])
