"""A layout like BIDS: images below ``sub-*/anat``, label maps below ``derivatives/eci_annotate``.

BIDS has no suffix for CT yet; ``.bidsignore`` names the files that its validator does not know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from eci_annotate.imaging.measurements import unit_of
from eci_annotate.imaging.nifti import image_file, nifti_file
from eci_annotate.imaging.volume import grid_of, values_kji
from eci_annotate.repository.datasets.dataset_case import Sample, TrainingCase
from eci_annotate.repository.datasets.dataset_layout import NamedFiles, Rows, json_bytes, title_of
from eci_annotate.repository.datasets.dataset_plan import DatasetPlan
from eci_annotate.repository.datasets.subject_split import DatasetPart
from eci_annotate.version import __version__

BIDS_VERSION = "1.9.0"
DERIVED = "derivatives/eci_annotate"
README = """Signed annotations and their images, exported by eci_annotate (`eci-annotate export --format bids`).

Images are in sub-<pseudonym>/anat, label maps in derivatives/eci_annotate. DATASHEET.md says what the set holds.
"""
PARTICIPANTS = {
    "split": {"Description": "Part of the split by subject", "Levels": {str(p): str(p) for p in DatasetPart}}
}
IGNORED = "DATASHEET.md\ndatasheet.json\nsub-*/anat/*\n"


class BidsLayout:
    """Files in the folders of BIDS."""

    def __init__(self, plan: DatasetPlan) -> None:
        self.plan = plan

    def add(self, sample: Sample) -> NamedFiles:
        """Yield image, sidecar, label map and label table of one sample."""
        grid, modality = grid_of(sample.image), str(sample.image.attrs.get("modality", ""))
        stem, unit = self._stem(sample.case), unit_of(sample.image)
        image = f"{stem}_{re.sub('[^a-z0-9]', '', modality.lower()) or 'image'}"
        yield f"{image}.nii.gz", image_file(values_kji(sample.image), grid, unit=unit)
        yield f"{image}.json", json_bytes(_sidecar(sample, modality))
        yield f"{DERIVED}/{stem}_dseg.nii.gz", nifti_file(values_kji(sample.mask), grid, unit=unit)
        rows = [f"{value}\t{name}\n" for name, value in self.plan.values.items()]
        yield f"{DERIVED}/{stem}_dseg.tsv", "".join(["index\tname\n", "0\tbackground\n", *rows]).encode()

    def listed(self, sample: Sample) -> None:
        """Return nothing: the rows say all."""

    def close(self, rows: Rows, listed: Sequence[None]) -> NamedFiles:
        """Yield the descriptions, and the list of participants."""
        licence = {"License": name} if (name := self.plan.rules.licence) else {}
        about = {"Name": title_of(self.plan), "BIDSVersion": BIDS_VERSION, **licence}
        tool = [{"Name": "eci_annotate", "Version": __version__}]
        for folder, kind in (("", "raw"), (f"{DERIVED}/", "derivative")):
            described = {**about, "DatasetType": kind, "GeneratedBy": tool}
            yield f"{folder}dataset_description.json", json_bytes(described)
            yield f"{folder}README", README.encode()
        people = {self._participant(row["project"], row["subject"]): row["part"] for row in rows}
        lines = [f"{name}\t{part}\n" for name, part in people.items()]
        yield "participants.tsv", "".join(["participant_id\tsplit\n", *lines]).encode()
        yield "participants.json", json_bytes(PARTICIPANTS)
        yield ".bidsignore", IGNORED.encode()

    def _participant(self, project: str, subject: str) -> str:
        text = subject if len(self.plan.projects) == 1 else f"{project}{subject}"
        return f"sub-{re.sub('[^A-Za-z0-9]', '', text)}"

    def _stem(self, case: TrainingCase) -> str:
        name = self._participant(case.signed.project, case.signed.subject)
        return f"{name}/anat/{name}_run-{case.number}"


def _sidecar(sample: Sample, modality: str) -> dict[str, Any]:
    units = {"Units": str(sample.image.attrs["units"])} if "units" in sample.image.attrs else {}
    return {"Modality": modality, **units}
