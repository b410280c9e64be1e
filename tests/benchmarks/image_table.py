"""The table of `docs/dicom.md`: what each set of the test data is read as, compared with independent readers.

Run: ``python -m tests.benchmarks.image_table``
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
import xarray as xr
from pydicom.pixels import apply_modality_lut

import eci_annotate as eci
from eci_annotate.imaging.volume import padding_of

ROOT = Path(__file__).parents[2]
SAMPLE = "notebooks/sample/liver_ct_crlm_1004/ct"
SETS = (
    "abdomen_mr_cmb_crc_scan1/adc",
    "abdomen_mr_cmb_crc_scan1/t2",
    "breast_mr_ucsf_br08/dce",
    "liver_seg_dcmqi/ct-3slice",
    "liver_seg_dcmqi/23x38x3/image",
    "liver_seg_dcmqi/23x38x3/mf.dcm",
    "liver_seg_dcmqi/24x38x3/image",
    "liver_seg_dcmqi/24x38x3/mf.dcm",
    "mammo_cbis_4view_quarter/LCC.dcm",
    "mammo_ffdm_siemens_overlay",
    "mr_multivendor_dicom2nifti/ge_anatomical_001",
    "mr_multivendor_dicom2nifti/ge_dti_001",
    "mr_multivendor_dicom2nifti/generic_compressed_j2k_001",
    "mr_multivendor_dicom2nifti/generic_compressed_jpegls_001",
    "mr_multivendor_dicom2nifti/generic_compressed_rle_001",
    "mr_multivendor_dicom2nifti/philips_dti_001",
    "mr_multivendor_dicom2nifti/philips_enhanced_anatomical_001_implicit",
    "rtstruct_mim_phantom_rtutils/ct",
    "rtstruct_mim_phantom_rtutils/one_slice_data",
    "rtstruct_mim_phantom_rtutils/oriented_data",
    "rtstruct_mim_sts008/CT/image",
    "rtstruct_mim_sts008/MR_T1/image",
    "rtstruct_mim_sts008/PET/image",
)


def values_apart(volume: xr.DataArray, headers: dict[str, Any]) -> float:
    """Return the largest difference from pydicom's modality values, slice by slice."""
    apart = 0.0
    numbers = volume.frame_number.values if "frame_number" in volume.coords else [0] * volume.sizes["k"]
    for values, uid, number in zip(volume.values, volume.instance_uid.values, numbers, strict=True):
        header = headers[str(uid)]
        raw = header.pixel_array[number - 1] if number else header.pixel_array
        other = apply_modality_lut(raw, scaling_of(header, int(number)))
        apart = max(apart, float(np.nanmax(np.abs(values.astype(float) - other))))
    return apart


def scaling_of(header: Any, number: int) -> Any:
    """Return a dataset with the rescaling of one frame."""
    if not number or "PerFrameFunctionalGroupsSequence" not in header:
        return header
    group = header.PerFrameFunctionalGroupsSequence[number - 1]
    shared = header.SharedFunctionalGroupsSequence[0]
    for each in (group, shared):
        if "PixelValueTransformationSequence" in each:
            return each.PixelValueTransformationSequence[0]
    return header


def places_apart(volume: xr.DataArray, files: list[str]) -> str:
    """Return the distance of corner voxels from SimpleITK's, mm; why there is none."""
    if volume.attrs.get("kind") == "projection" or "frame_number" in volume.coords:
        return "not compared"
    try:
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(files)
        image = reader.Execute()
    except RuntimeError:
        return "not read"
    grid = eci.grid_of(volume)
    corners = [[0, 0, 0], [n - 1 for n in grid.shape]]
    there = [image.TransformIndexToPhysicalPoint([int(n) for n in each[::-1]]) for each in corners]
    apart = np.abs(np.array(there) - grid.reference_from_image(corners)).max()
    return f"{apart:.4f}"


def rows() -> Iterator[list[str]]:
    """Return one row for each stack."""
    for name in (SAMPLE, *SETS):
        place = ROOT / name if name == SAMPLE else ROOT / "tests/data" / name
        paths = sorted(place.glob("*.dcm")) if place.is_dir() else [place]
        headers = {str(each.SOPInstanceUID): each for each in map(pydicom.dcmread, paths)}
        by_uid = {str(each.SOPInstanceUID): str(path) for each, path in zip(headers.values(), paths, strict=True)}
        for volume in eci.load_stacks(place):
            files = [by_uid[str(uid)] for uid in volume.instance_uid.values]
            padding = padding_of(volume)
            yield [
                name.removeprefix("notebooks/sample/"),
                str(volume.attrs.get("stack", "")),
                str(volume.attrs.get("kind", "volume")),
                " x ".join(map(str, volume.shape)),
                str(volume.dtype),
                "" if padding is None else f"{padding[0]:g}",
                f"{values_apart(volume, headers):g}",
                places_apart(volume, files),
            ]


def table() -> str:
    """Return the table as Markdown."""
    head = ["set", "stack", "kind", "size", "values", "padding", "values apart", "corners apart, mm"]
    lines = [head, ["---"] * len(head), *rows()]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


if __name__ == "__main__":
    print(table())
