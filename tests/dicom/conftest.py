"""Phantom studies on disk, once per session."""

import pytest

from eci_annotate.dicom.phantom import KINDS, write_phantom


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory):
    """Folder of each phantom kind."""
    root = tmp_path_factory.mktemp("phantoms")
    for kind in KINDS:
        write_phantom(root / kind, kind)
    return {kind: root / kind for kind in KINDS}
