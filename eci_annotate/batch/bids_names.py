"""Names of folders and files: made from pseudonyms alone, the same for each run."""

from __future__ import annotations

import base64
import re
from hashlib import sha256

DATATYPES = {"PT": "pet"}  # by modality; all others are anatomical pictures
SHORT = 8


def label_of(text: str) -> str:
    """Return a text as a BIDS label: its letters and digits."""
    return re.sub("[^A-Za-z0-9]", "", text)


def short(uid: str) -> str:
    """Return 8 characters (40 bits of SHA-256, base 32) for a UID."""
    return base64.b32encode(sha256(uid.encode()).digest())[:SHORT].decode().lower()


def session_of(study_uid: str) -> str:
    """Return the session of a study, for instance ``ses-k2m4n6p8``."""
    return f"ses-{short(study_uid)}"


def image_name(subject: str, session: str, series: tuple[str, int], run: tuple[int, int], modality: str) -> str:
    """Return the path of an image without its suffix, below the target.

    Parameters
    ----------
    subject, session
        With their prefixes.
    series
        Series UID and series number.
    run
        Which stack of the series, and of how many.
    modality
        DICOM's, for instance CT.
    """
    suffix = label_of(modality).lower() or "image"
    part = f"_run-{run[0]}" if run[1] > 1 else ""
    name = f"{subject}_{session}_acq-{series_label(*series)}{part}_{suffix}"
    return f"{subject}/{session}/{DATATYPES.get(modality, 'anat')}/{name}"


def series_label(series_uid: str, number: int) -> str:
    """Return the label of a series: its number for people, and 40 bits of its UID."""
    return f"s{number:03d}x{short(series_uid)}"


def dicom_folder(subject: str, session: str, series: tuple[str, int]) -> str:
    """Return the folder of the DICOM files of a series, below the target."""
    return f"sourcedata/{subject}/{session}/{series_label(*series)}"
