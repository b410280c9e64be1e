"""Structure-aware damage to DICOM files: lengths, VRs, tags removed or doubled, odd values, truncation, recursion."""

import random
from collections.abc import Callable
from io import BytesIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

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
    tag = rng.choice([each for each in dataset.keys() if each.group < 0x7FE0])
    raw = pydicom.dcmread(BytesIO(content))._dict[tag]
    at = max(int(getattr(raw, "value_tell", 200)) - 2, 134)
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
    del dataset[rng.choice([tag for tag in dataset.keys() if tag.group > 2])]


def _retype(dataset: Dataset, rng: random.Random) -> None:
    keyword = rng.choice(KEYWORDS)
    value: object = rng.choice(VALUES)
    vr = rng.choice(VRS)
    dataset.add_new(keyword, vr, value.encode() if vr in ("UN", "OB") else value)


def _nest(dataset: Dataset, rng: random.Random) -> None:
    inner = Dataset()
    for _ in range(rng.choice([1, 50, 400])):
        outer = Dataset()
        outer.ReferencedImageSequence = Sequence([inner])
        inner = outer
    name = rng.choice(["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "ModalityLUTSequence"])
    setattr(dataset, name, Sequence([inner]))


def _huge(dataset: Dataset, rng: random.Random) -> None:
    dataset.Rows = dataset.Columns = 65535
    if rng.random() < 0.5:
        dataset.NumberOfFrames = 100_000


MUTATIONS = (cut, flip, lengths, _changed(_remove), _changed(_retype), _changed(_nest), _changed(_huge))


def mutated(content: bytes, seed: int) -> bytes:
    """Damage a file; the same seed gives the same damage."""
    rng = random.Random(seed)
    return rng.choice(MUTATIONS)(content, rng)
