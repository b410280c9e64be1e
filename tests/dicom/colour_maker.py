"""Colour files of every kind, with the colours that they should be shown in."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    generate_uid,
)

ROWS, COLUMNS = 40, 56
KINDS = ("RGB 0", "RGB 1", "YBR_FULL", "YBR_FULL_422", "PALETTE 8", "PALETTE 16", "RGB 16", "JPEG")


def colours(seed: int, count: int) -> np.ndarray:
    """Smooth pictures, shape (count, rows, columns, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:ROWS, :COLUMNS]
    waves = [np.sin(x / a + f) + np.cos(y / b + f) for f in range(count) for a, b in rng.uniform(5, 15, (3, 2))]
    return ((np.reshape(waves, (count, 3, ROWS, COLUMNS)) + 2) / 4 * 255).astype(np.uint8).transpose(0, 2, 3, 1)


def colour_file(
    path: Path, kind: str, frames: int = 1, place=None, like: Dataset | None = None, seed: int = 1
) -> np.ndarray:
    """Write a file, and return the colours that its pixels mean: (frames, rows, columns, 3)."""
    dataset, shown = _header(frames, like), colours(seed, frames)
    if kind.startswith("PALETTE"):
        shown = _palette(dataset, kind, shown)
    elif kind == "JPEG":
        shown = _jpeg(dataset, shown)
    else:
        shown = _plain(dataset, kind, shown)
    if place is not None:
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = list(place), [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing, dataset.SliceThickness = [0.8, 0.6], 3
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return shown


def _header(frames: int, like: Dataset | None) -> Dataset:
    dataset, meta = Dataset(), FileMetaDataset()
    meta.MediaStorageSOPClassUID = MultiFrameTrueColorSecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = generate_uid(), ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(dataset, keyword, like[keyword].value if like else generate_uid())
    dataset.PatientName = dataset.PatientID = "MADE^UP"
    dataset.PatientBirthDate = dataset.PatientSex = dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20200102", "101010", "1"
    dataset.PatientIdentityRemoved, dataset.Modality, dataset.BurnedInAnnotation = "YES", "US", "NO"
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.Rows, dataset.Columns, dataset.PixelRepresentation = ROWS, COLUMNS, 0
    dataset.SamplesPerPixel, dataset.PlanarConfiguration, dataset.PhotometricInterpretation = 3, 0, "RGB"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    if frames > 1:
        dataset.NumberOfFrames = frames
    return dataset


def _plain(dataset: Dataset, kind: str, shown: np.ndarray) -> np.ndarray:
    stored = shown
    if kind == "RGB 1":
        dataset.PlanarConfiguration, stored = 1, shown.transpose(0, 3, 1, 2)
    if kind == "RGB 16":
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
        stored = shown.astype(np.uint16) << 4 | 5
    if kind.startswith("YBR"):
        dataset.PhotometricInterpretation = kind
        stored = np.stack([convert_color_space(each, "RGB", "YBR_FULL") for each in shown])
    if kind == "YBR_FULL_422":  # two luminances, then the colour that both have
        stored[:, :, 1::2, 1:] = stored[:, :, ::2, 1:]
        packed = np.stack([stored[:, :, ::2, 0], stored[:, :, 1::2, 0], stored[:, :, ::2, 1], stored[:, :, ::2, 2]], -1)
        dataset.PixelData = packed.tobytes()
    else:
        dataset.PixelData = np.ascontiguousarray(stored).tobytes()
    if kind.startswith("YBR"):
        y, b, r = np.moveaxis(stored.astype(float), -1, 0)  # ITU-R BT.601, full range
        rgb = [y + 1.402 * (r - 128), y - 0.344136 * (b - 128) - 0.714136 * (r - 128), y + 1.772 * (b - 128)]
        return np.stack(rgb, -1).round().clip(0, 255).astype(np.uint8)
    return shown


def _palette(dataset: Dataset, kind: str, shown: np.ndarray) -> np.ndarray:
    bits = int(kind.split()[1])
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "PALETTE COLOR"
    del dataset.PlanarConfiguration
    rng = np.random.default_rng(3)
    table = rng.integers(0, 1 << bits, (3, 256), dtype=np.uint32).astype(np.uint16)
    for channel, entries in zip(("Red", "Green", "Blue"), table, strict=True):
        setattr(dataset, f"{channel}PaletteColorLookupTableDescriptor", [256, 0, bits])
        data = entries.astype("u1" if bits == 8 else "<u2").tobytes()
        setattr(dataset, f"{channel}PaletteColorLookupTableData", data)
    indices = shown[..., 0]
    dataset.PixelData = np.ascontiguousarray(indices).tobytes()
    return (table.T[indices] >> (bits - 8)).astype(np.uint8)


def _jpeg(dataset: Dataset, shown: np.ndarray) -> np.ndarray:
    streams = []
    for each in shown:
        out = io.BytesIO()
        Image.fromarray(each).save(out, "JPEG", quality=95, subsampling=1)
        streams.append(out.getvalue())
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    dataset.PixelData = encapsulate(streams)
    return np.stack([np.asarray(Image.open(io.BytesIO(stream)).convert("RGB")) for stream in streams])
