"""No planted value leaves; every row of the table is applied; what should stay stays."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from eci_annotate.deid.deidentify import action_names, deidentify
from eci_annotate.deid.descriptors import cleaner
from eci_annotate.deid.policy import BurnedInRule, Dates, Policy, PrivateElements, Treatment, Unknown
from eci_annotate.deid.profile import by_tag
from eci_annotate.deid.pseudonymiser import Pseudonymiser, is_pseudonymous_uid
from eci_annotate.deid.quarantine import Cause
from eci_annotate.deid.residue import still_identifies
from eci_annotate.deid.rules import representation
from tests.deid.planted import DATE, INSTANCE, KEY, STUDY, image, leaks, plant_elsewhere, plant_every_row, reread, saved

PSEUDONYMISER = Pseudonymiser(KEY)
POLICIES = [
    Policy(),
    Policy(dates=Dates.REMOVE),
    Policy(descriptors=Treatment.CLEAN, structured_content=Treatment.CLEAN),
    Policy(private=(PrivateElements("KANARIE CO", 0x0029, frozenset({1})),)),
]


@given(seed=st.integers(0, 2**32), policy=st.sampled_from(POLICIES), implicit=st.booleans(), read=st.booleans())
def test_no_canary_leaves(seed: int, policy: Policy, implicit: bool, read: bool) -> None:
    rng = random.Random(seed)
    dataset = image(rng, implicit=implicit)
    plant_elsewhere(dataset, rng)
    tags = [*plant_every_row(dataset)]
    for tag in rng.sample(tags, len(tags) // 3):  # other subsets, other surroundings
        del dataset[tag]
    result = deidentify(reread(dataset) if read else dataset, policy, PSEUDONYMISER)
    assert result.dataset is not None, result.causes
    content = saved(result.dataset)
    assert leaks(content) == []
    assert leaks(repr(result) + str(action_names(result.counts)) + repr(PSEUDONYMISER)) == []
    assert still_identifies(reread(result.dataset), policy) == []


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32), policy=st.sampled_from(POLICIES), read=st.booleans())
def test_a_part_is_what_the_whole_says_there(seed: int, policy: Policy, read: bool) -> None:
    rng = random.Random(seed)
    dataset = image(rng)
    plant_elsewhere(dataset, rng)
    plant_every_row(dataset)
    tags = {int(tag) for tag in rng.sample([*dataset.keys()], len(dataset) // 2)} - {0x00100010, 0x00100020}
    given = (reread(dataset), reread(dataset)) if read else (dataset, dataset)  # what was asked for is no longer raw
    whole, part = (
        deidentify(source, policy, PSEUDONYMISER, tags=wanted).dataset
        for source, wanted in zip(given, (None, tags), strict=True)
    )
    assert whole is not None and part is not None and len(part) > 9
    stamped = {0x00120062, 0x00120063, 0x00120064, 0x00280303}
    there = {int(tag) for tag in whole.keys()} & tags - stamped  # noqa: SIM118
    assert there == {int(tag) for tag in part.keys()} - stamped  # noqa: SIM118
    assert all(whole[tag] == part[tag] for tag in there)


@pytest.mark.parametrize("nested", [False, True])
def test_every_row_is_applied(nested: bool) -> None:
    """Under the basic profile alone: X is gone, Z is empty, D is a dummy, U is replaced; also in an item."""
    dataset, home = image(random.Random(1)), Dataset()
    planted = plant_every_row(home)
    if nested:
        dataset.SourceImageSequence = [home]
    else:
        dataset.update(home)
    before = {tag: home[tag].value for tag in planted}
    made = deidentify(dataset, Policy(dates=Dates.REMOVE), PSEUDONYMISER).dataset
    assert made is not None
    after = made.SourceImageSequence[0] if nested else made
    for tag in planted:
        letters = by_tag()[tag].letters
        if letters == ("X",) and tag not in (0x00120063, 0x00120064):
            assert tag not in after, planted[tag]
        elif letters == ("Z",) and tag not in (0x00100010, 0x00100020):
            assert not after[tag].value, planted[tag]
        elif tag in after:
            assert after[tag].value != before[tag], planted[tag]
        else:
            assert "X" in letters or home[tag].VR == "SQ", planted[tag]
    assert len(planted) > 600


def test_the_source_keeps_its_values() -> None:
    dataset = reread(image(random.Random(2)))
    before = saved(dataset)
    deidentify(dataset, Policy(), PSEUDONYMISER)
    assert saved(dataset) == before


def test_stamps_and_file_meta() -> None:
    made = deidentify(image(random.Random(3)), Policy(site="KAU"), PSEUDONYMISER).dataset
    assert made is not None
    assert made.PatientIdentityRemoved == "YES" and "KAU" in made.DeidentificationMethod
    assert [code.CodeValue for code in made.DeidentificationMethodCodeSequence] == ["113100", "113107"]
    assert made.LongitudinalTemporalInformationModified == "MODIFIED" and "BurnedInAnnotation" not in made
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID == PSEUDONYMISER.uid(INSTANCE)
    assert "SourceApplicationEntityTitle" not in made.file_meta and made.preamble == b"\0" * 128


def test_dates_move_by_whole_weeks_also_in_items() -> None:
    dataset = image(random.Random(4))
    plant_elsewhere(dataset, random.Random(4))
    dataset.AcquisitionDateTime, dataset.SeriesDate = f"{DATE}101500.1+0100", "no date"
    made = deidentify(dataset, Policy(), PSEUDONYMISER).dataset
    assert made is not None and "SeriesDate" not in made
    inner = made.SourceImageSequence[0].PurposeOfReferenceCodeSequence[0]
    assert made.StudyDate == inner.ContentDate == made.AcquisitionDateTime[:8] == inner.AcquisitionDateTime[:8]
    moved = np.datetime64(f"{made.StudyDate[:4]}-{made.StudyDate[4:6]}-{made.StudyDate[6:]}") - np.datetime64(
        "2019-03-17"
    )
    assert moved.astype(int) % 7 == 0 and moved.astype(int) < 0
    assert made.AcquisitionDateTime[8:] == "101500.1+0100" and inner.AcquisitionDateTime[8:] == "0815+0100"
    assert made.StudyTime == "101500"


def test_pixels_stay_unless_their_high_bits_hold_an_overlay() -> None:
    dataset = image(random.Random(5))
    made = deidentify(dataset, Policy(), PSEUDONYMISER).dataset
    assert made is not None and made.PixelData == dataset.PixelData
    words = np.frombuffer(dataset.PixelData, "<u2")
    dataset.PixelData = (words | 0x1000).tobytes()
    dataset.add_new(0x60000100, "US", 16)
    dataset.add_new(0x60000102, "US", 12)
    made = deidentify(reread(dataset), Policy(), PSEUDONYMISER).dataset
    assert made is not None and made.PixelData == words.tobytes() and 0x60000102 not in made
    kept = deidentify(dataset, Policy(keep_graphics=True), PSEUDONYMISER).dataset
    assert kept is not None and kept.PixelData == dataset.PixelData and 0x60000102 in kept


@pytest.mark.parametrize("verified", [False, True])
def test_a_rule_blanks_rectangles(verified: bool) -> None:
    dataset = image(random.Random(6), implicit=True)
    dataset.BurnedInAnnotation = "YES"
    rule = BurnedInRule("acme", "", 16, 16, ((2, 1, 5, 3),), verified)
    result = deidentify(reread(dataset), Policy(burned_in=(rule,)), PSEUDONYMISER)
    if not verified:
        assert result.dataset is None and result.causes == (Cause.BURNED_IN,)
        return
    made = result.dataset
    assert made is not None and made.BurnedInAnnotation == "NO" and made.ImageType[0] == "DERIVED"
    assert made.file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"
    before, after = dataset.pixel_array, reread(made).pixel_array
    inside = np.zeros_like(before, bool)
    inside[1:4, 2:6] = True
    assert not after[inside].any() and (after[~inside] == before[~inside]).all()
    assert "113101" in [code.CodeValue for code in made.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize(
    ("edit", "cause"),
    [
        ({"BurnedInAnnotation": "YES"}, Cause.BURNED_IN),
        ({"RecognizableVisualFeatures": "YES"}, Cause.FACE),
        ({"Modality": "US"}, Cause.MODALITY),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, Cause.CAPTURE),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, Cause.SCREEN),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"}, Cause.DOCUMENT),
        ({"SOPClassUID": "1.2.3.4"}, Cause.UNKNOWN),
        ({"PatientID": ""}, Cause.NO_PATIENT_ID),
        ({"Manufacturer": "eci_annotate", "Modality": "RTSTRUCT"}, Cause.OWN_ANNOTATIONS),
    ],
)
def test_risky_objects_are_set_aside(edit: dict[str, str], cause: Cause) -> None:
    dataset = image(random.Random(7))
    for keyword, value in edit.items():
        setattr(dataset, keyword, value)
    result = deidentify(dataset, Policy(), PSEUDONYMISER)
    assert result.dataset is None and cause in result.causes


def test_options_lift_what_they_name() -> None:
    dataset = image(random.Random(8))
    dataset.PatientWeight, dataset.PatientAge, dataset.InstitutionName = "71", "097Y", "Clinic"
    dataset.DeviceSerialNumber, dataset.StudyDescription = "SN1", "CT abdomen for Ms Kanariefågel 5.0 mm"
    keep = Policy(
        retain_uids=True, retain_device=True, retain_institution=True, retain_characteristics=True, dates=Dates.KEEP,
        descriptors=Treatment.CLEAN, unknown_objects=Unknown.ACCEPT,
    )  # fmt: skip
    made = deidentify(dataset, keep, PSEUDONYMISER).dataset
    assert made is not None and made.StudyInstanceUID == STUDY and made.StudyDate == DATE
    assert (made.PatientWeight, made.PatientAge, made.InstitutionName) == (71, "090Y", "Clinic")
    assert made.DeviceSerialNumber == "SN1" and made.StudyDescription == "CT abdomen 5.0 mm"
    strict = deidentify(dataset, Policy(), PSEUDONYMISER).dataset
    assert strict is not None and is_pseudonymous_uid(strict.StudyInstanceUID)
    assert not {"PatientWeight", "PatientAge", "InstitutionName", "DeviceSerialNumber", "StudyDescription"} & set(
        strict.dir()
    )


def test_safe_private_elements_stay_if_they_hold_numbers() -> None:
    dataset = image(random.Random(9))
    block = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x39, "IS", [1000, 8, 0, 0])
    block.add_new(0x40, "LO", "Kanarie")
    allowed = PrivateElements("GEMS_PARM_01", 0x0043, frozenset({0x39, 0x40}))
    made = deidentify(reread(dataset), Policy(private=(allowed,)), PSEUDONYMISER).dataset
    assert made is not None and list(made[0x00431039].value) == [1000, 8, 0, 0]
    assert 0x00431040 not in made and made[0x00430010].value == "GEMS_PARM_01"
    plain = deidentify(dataset, Policy(), PSEUDONYMISER).dataset
    assert plain is not None and 0x00431039 not in plain and 0x00430010 not in plain


def content_item(kind: str, **values: object) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", kind
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def report_document() -> Dataset:
    dataset = image(random.Random(12))
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(dataset, keyword)
    dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.88.33", "SR"
    dataset.ContentSequence = [
        content_item("TEXT", TextValue="liver lesion, Zvanberg 5.0 mm"),
        content_item("PNAME", PersonName="Kanarie^Reader"),
        content_item("DATE", Date=DATE),
        content_item("UIDREF", UID="1.2.77.5"),
        content_item("CONTAINER", ContentSequence=[content_item("TEXT", TextValue="Kanarie")]),
    ]
    return dataset


def test_structured_content_is_replaced_or_cleaned() -> None:
    strict = deidentify(reread(report_document()), Policy(), PSEUDONYMISER).dataset
    assert strict is not None and [item.TextValue for item in strict.ContentSequence] == ["REMOVED"]
    policy = Policy(descriptors=Treatment.CLEAN, structured_content=Treatment.CLEAN)
    made = deidentify(reread(report_document()), policy, PSEUDONYMISER).dataset
    assert made is not None and leaks(saved(made)) == [] and still_identifies(made, policy) == []
    text, person, date, uid, container = made.ContentSequence
    assert text.TextValue == "liver lesion, 5.0 mm" and person.PersonName == "REMOVED"
    assert date.Date == made.StudyDate and PSEUDONYMISER.uid("1.2.77.5") == uid.UID
    assert container.ContentSequence[0].TextValue == "REMOVED"


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Åkerström^Björn"),
        ("ISO_IR 144", "Иванов^Пётр"),
        ("GB18030", "王^小东"),
        ("ISO_IR 192", "金糸雀^花子"),
    ],
)
def test_names_are_found_in_other_texts_in_any_character_set(charset: str, name: str) -> None:
    dataset = image(random.Random(13))
    del dataset.ImageComments
    dataset.SpecificCharacterSet, dataset.PatientName = charset, name
    dataset.PositionReferenceIndicator = f"of {name.split('^')[0]} here"
    made = deidentify(reread(dataset), Policy(), PSEUDONYMISER).dataset
    assert made is not None and made.PositionReferenceIndicator == "REMOVED"


@given(st.text("abdomen liver Doe_-/,.5 mm Åsa", max_size=40))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    clean = cleaner()
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize("vr", ["LO", "UN", "DA", "TM", "UI", "OB", "PN", "DT", "AS", "SQ"])
def test_a_wrong_representation_hides_nothing(vr: str) -> None:
    """Every row's attribute, written with another representation than the dictionary's."""
    dataset = image(random.Random(14))
    for tag in by_tag():
        # pydicom reads UN as the dictionary says, and takes these bytes for texts only
        unfit = vr == "UN" and representation(tag, None) in ("SQ", "DS", "IS", "US", "FD")
        if tag not in dataset and tag >> 16 > 8 and tag != 0x00420011 and not unfit:
            value = [] if vr == "SQ" else b"Kanarie1" if vr in ("UN", "OB") else "Kanarie1"
            dataset.add_new(tag, vr, value)
    for policy in POLICIES:
        made = deidentify(reread(dataset), policy, PSEUDONYMISER).dataset
        assert made is not None and leaks(saved(made)) == []


def test_a_subject_may_be_given() -> None:
    made = deidentify(image(random.Random(10)), Policy(), PSEUDONYMISER, subject="ECI_KAU_S0001").dataset
    assert made is not None and made.PatientID == made.PatientName == "ECI_KAU_S0001"
    assert still_identifies(made, Policy()) == ["PatientID"]
    assert still_identifies(made, Policy(), subjects=r"ECI_KAU_S\d{4}") == []


def test_what_still_identifies_is_named_without_values() -> None:
    dataset = image(random.Random(11))
    plant_elsewhere(dataset, random.Random(11))
    found = still_identifies(dataset, Policy())
    expected = {
        "PatientName",
        "PatientID",
        "StudyInstanceUID",
        "StudyDate",
        "ImageComments",
        "private elements",
        "preamble",
    }
    assert expected <= set(found) and "SourceApplicationEntityTitle" in found and leaks(" ".join(found)) == []
    made = deidentify(dataset, Policy(), PSEUDONYMISER).dataset
    assert made is not None
    made.StudyDescription = "Mr Doe"
    assert still_identifies(made, Policy()) == ["StudyDescription"]
    assert still_identifies(made, replace(Policy(), descriptors=Treatment.CLEAN)) == ["StudyDescription"]
