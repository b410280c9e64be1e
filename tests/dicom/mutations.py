"""Structure-aware damage to DICOM files: lengths, VRs, tags removed or doubled, odd values, truncation, recursion."""

import random
from collections.abc import Callable
from io import BytesIO

import pydicom
from pydicom.dataset import Dataset

VALUES = ("", "x", "nan", "-1", "0", "1e400", "1\\2\\3\\4\\5\\6\\7", "65535", "999999999999", "../..", "\\", "1\\")
VRS = ("LO", "UN", "OB", "IS", "DS", "UT")
KEYWORDS = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
    "NumberOfFrames", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope",
    "RescaleIntercept", "SliceThickness", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "Modality",
    "PhotometricInterpretation", "FrameOfReferenceUID", "WindowCenter", "WindowWidth", "AcquisitionNumber",
    "TemporalPositionIdentifier", "EchoTime", "InstanceNumber", "ImageType", "PixelPaddingValue",
)  # fmt: skip


def cut(content: bytes, rng: random.Random) -> bytes:
    """Truncate the file anywhere."""
    return content[: rng.randrange(len(content))]


def flip(content: bytes, rng: random.Random) -> bytes:
    """Change some bytes of the header."""
    found = bytearray(content)
    for _ in range(rng.randrange(1, 4)):
        found[rng.randrange(132, min(len(found), 1500))] = rng.randrange(256)
    return bytes(found)


def lengths(content: bytes, rng: random.Random) -> bytes:
    """Change the length of an element."""
    found, dataset = bytearray(content), pydicom.dcmread(BytesIO(content))
    tag = rng.choice([tag for tag in list(dataset.keys()) if tag.group < 0x7FE0])
    at = max(int(getattr(dataset._dict[tag], "value_tell", 200)) - 2, 134)
    found[at : at + 2] = rng.choice([b"\xff\xff", b"\x00\x00", b"\x01\x00", b"\x00\x10"])
    return bytes(found)


def _saved(dataset: Dataset) -> bytes:
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def _changed(act: Callable[[Dataset, random.Random], None]) -> Callable[[bytes, random.Random], bytes]:
    def change(content: bytes, rng: random.Random) -> bytes:
        dataset = pydicom.dcmread(BytesIO(content))
        act(dataset, rng)
        try:
            return _saved(dataset)
        except Exception:  # pydicom refuses to write some of it: another kind of damage will do
            return cut(content, rng)

    return change


def _remove(dataset: Dataset, rng: random.Random) -> None:
    del dataset[rng.choice([tag for tag in list(dataset.keys()) if tag.group > 2])]


def _retype(dataset: Dataset, rng: random.Random) -> None:
    keyword = rng.choice(KEYWORDS)
    value, vr = rng.choice(VALUES), rng.choice(VRS)
    try:
        dataset.add_new(keyword, vr, value.encode() if vr in ("UN", "OB") else value)
    except (ValueError, OverflowError):  # no number: pydicom writes it as text only
        dataset.add_new(keyword, "LO", value)


def nest(content: bytes, rng: random.Random) -> bytes:
    """Insert a sequence that holds itself many times over, before the pixels."""
    tag = rng.choice([b"\x00\x52\x29\x92", b"\x00\x52\x30\x92", b"\x08\x00\x40\x11"])
    depth = rng.choice([1, 50, 3000])
    opened = (tag + b"SQ\0\0" + b"\xff" * 4 + b"\xfe\xff\x00\xe0" + b"\xff" * 4) * depth
    closed = (b"\xfe\xff\x0d\xe0" + b"\0" * 4 + b"\xfe\xff\xdd\xe0" + b"\0" * 4) * depth
    at = content.rfind(b"\xe0\x7f\x10\x00")
    return content[:at] + opened + closed + content[at:] if at > 0 else cut(content, rng)


def _huge(dataset: Dataset, rng: random.Random) -> None:
    dataset.Rows = dataset.Columns = 65535
    if rng.random() < 0.5:
        dataset.NumberOfFrames = 100_000


MUTATIONS = (cut, flip, lengths, _changed(_remove), _changed(_retype), nest, _changed(_huge))


def mutated(content: bytes, seed: int) -> bytes:
    """Damage a file; the same seed gives the same damage."""
    rng = random.Random(seed)
    return rng.choice(MUTATIONS)(content, rng)
