"""Images have the affine and the values that dcm2niix gives, on every real set that both convert.

Of Philips' enhanced files dcm2niix is asked for DICOM's own rescaling (`-p n`): by default it takes their private one.
"""

import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.batch.cohort_world import DATA, images, prepared_here, sidecar

PROGRAM = Path(sys.executable).parent / "dcm2niix"
SETS = (
    "abdomen_mr_cmb_crc_scan1/t2", "abdomen_mr_cmb_crc_scan1/adc", "breast_mr_ucsf_br08/dce",
    "rtstruct_mim_phantom_rtutils/ct", "rtstruct_mim_sts008/CT/image", "rtstruct_mim_sts008/MR_T1/image",
    "rtstruct_mim_sts008/PET/image", "liver_seg_dcmqi/ct-3slice", "mr_multivendor_dicom2nifti/ge_anatomical_001",
    "mr_multivendor_dicom2nifti/ge_dti_001", "mr_multivendor_dicom2nifti/philips_dti_001",
    "mr_multivendor_dicom2nifti/generic_compressed_jpegls_001",
    "mr_multivendor_dicom2nifti/philips_enhanced_anatomical_001_implicit",
)  # fmt: skip


def volumes(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Values and affine of each 3-D volume of a file, with axes as close to RAS as they can be."""
    image = nibabel.as_closest_canonical(nibabel.load(path))
    values = np.asarray(image.dataobj)
    return [(each, image.affine) for each in ([values] if values.ndim == 3 else np.moveaxis(values, -1, 0))]


@pytest.mark.parametrize("name", SETS)
def test_both_give_the_same_volumes(name, tmp_path):
    (tmp_path / "theirs").mkdir()
    scaling = "n" if "philips_enhanced" in name else "y"
    command = [PROGRAM, "-p", scaling, "-z", "n", "-b", "n", "-m", "n", "-o", tmp_path / "theirs", DATA / name]
    subprocess.run(command, check=True, capture_output=True)
    theirs = [each for path in sorted((tmp_path / "theirs").glob("*.nii")) for each in volumes(path)]
    prepared_here(DATA / name, tmp_path / "out")
    ours = [(sidecar(path), *volume) for path in images(tmp_path / "out") for volume in volumes(path)]
    assert ours and len(ours) == len(theirs)
    left = list(theirs)
    for about, values, affine in ours:
        same = [
            n
            for n, (other, _) in enumerate(left)
            if other.shape == values.shape and np.allclose(other, values, rtol=1e-5)
        ]
        assert same, about.get("Stack", "the only stack")
        np.testing.assert_allclose(left.pop(same[0])[1], affine, atol=1e-4)
