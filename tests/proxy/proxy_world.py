"""A hospital: files with planted identities, a configuration, and a proxy."""

from __future__ import annotations

import random
from pathlib import Path

import yaml
from pydicom import dcmread
from pydicom.dataset import Dataset

from eci_annotate.deid.pseudonymiser import KEY_BYTES
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.proxy.configuration import Configuration, read_configuration
from tests.deid.planted import image

KEY = bytes(range(KEY_BYTES))


def planted(number: int = 0, patient: str = "KanariePID77") -> Dataset:
    """A CT image full of identity, one of many."""
    dataset = image(random.Random(number))
    dataset.PatientID = patient
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.33.3.{number}"
    dataset.InstanceNumber = number
    return dataset


def hospital(folder: Path, kind: str = "tiny", patient: str = "KanariePID77") -> list[Path]:
    """A phantom of a patient with a name, as a hospital's PACS would export it."""
    files = write_phantom(folder, kind)
    for number, path in enumerate(files):
        dataset = dcmread(path)
        dataset.PatientName, dataset.PatientID = "Kanariefågel^Åsa", patient
        dataset.PatientBirthDate, dataset.InstitutionName = "19310317", "Kanarie hospital"
        del dataset.PatientIdentityRemoved
        dataset.save_as(path.with_name(f"Kanarie{number}.dcm"))
        path.unlink()
    return sorted(folder.glob("*.dcm"))


def configured(folder: Path, **more: object) -> Configuration:
    """A configuration in a folder, with a key and the default policy."""
    folder.mkdir(parents=True, exist_ok=True)
    return read_configuration(write_configuration(folder, **more))


def write_configuration(folder: Path, **more: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "site.key").write_bytes(KEY)
    (folder / "site.key").chmod(0o600)
    (folder / "policy.yaml").write_text("site: KAU\n")
    content = {"site": "KAU", "spool": "spool", "key": "site.key", "policy": "policy.yaml", **more}
    path = folder / "proxy.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def centre(folder: Path, address: str, token: str) -> dict[str, object]:
    """The part of a configuration that names the centre."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "credential"
    path.write_text(token)
    path.chmod(0o600)
    return {"url": address, "credential": "credential"}
