"""The patient's name, numbers and birth date are found in free texts however they are written, and little else is."""

import pytest
from pydicom.dataset import Dataset

from eci_annotate.deid.patient.identify_patient import recurrence_of

PATIENTS = {
    "german": {"PatientName": "Müller^Zoë Ann", "PatientID": "A-123-456/78", "PatientBirthDate": "19600201"},
    "irish": {"PatientName": "O'Brien-Smith^Mary Jane", "PatientID": "00456789"},
    "russian": {"PatientName": "Иванов^Иван=Ivanov^Ivan", "PatientID": "77"},
    "japanese": {"PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう", "PatientID": "S1"},
    "vietnamese": {"PatientName": "Nguyễn^Văn Đức", "PatientID": "5"},
    "polish": {"PatientName": "Łukasz^Żółć", "PatientID": "5"},
    "spanish": {"PatientName": "de la Cruz^José María", "PatientID": "5"},
    "short": {"PatientName": "Li^Na", "PatientID": "5"},
    "english": {
        "PatientName": "Smith^John", "PatientTelephoneNumbers": "+43 316 385 1234", "AccessionNumber": "ACC777",
        "PatientAddress": "Elm Street 5", "InstitutionName": "Sankt Anna", "OperatorsName": "Nurse^Joy",
    },
}  # fmt: skip
HELD = {
    "german": (
        "Müller", "MÜLLER", "Mueller abd", "MUELLER", "Muller", "Mu\u0308ller", "mullerzoe", "zoe",
        "Müller-Lüdenscheidt", "Müllers",
        "xMullerx", "M_U_E_L_L_E_R", "A12345678", "no A 123 456 78", "a_123_456_78", "01.02.1960", "1960-02-01",
        "1 Feb 1960", "born 19600201", "02/01/60", "1.2.60", "Feb. 1st, 1960", "1. Februar 1960",
        "1 de febrero de 1960",
    ),
    "irish": ("OBrien", "O Brien", "Smith", "MaryJane", "Mary-Jane", "SMITHM", "m.smith", "456789", "id:00456789"),
    "russian": ("Иванов", "ИВАНОВ", "Ivanov", "Иванова", "Иванов".encode("iso8859_5").decode("latin-1")),
    "japanese": ("山田", "山田太郎さん", "やまだ", "ヤマダ", "Yamada", "太郎".encode("shift_jis").decode("latin-1")),
    "vietnamese": ("Nguyen", "NGUYEN", "Đức", "Duc"),
    "polish": ("Lukasz", "LUKASZ", "Zolc", "Łukasz".encode().decode("latin-1")),
    "spanish": ("Cruz", "delacruz", "De La Cruz", "Jose", "Maria", "José"),
    "short": ("Li Na", "NA-LI", "LiNa"),
    "english": (
        "Smiths", "J.Smith", "Ｓｍｉｔｈ", "S\u200bmith", "Sm\u00adith", "acc-777", "00433163851234", "0316/3851234",
        "Elm Street", "elm street 5", "SANKT ANNA", "joy",
    ),
}  # fmt: skip
USUAL = (
    "t2_haste_cor_bh", "AX T1 VIBE dyn FS 3.0 mm", "Abdomen^Leber", "ep2d_diff_b50_400_800", "SOMATOM Force",
    "syngo CT VB20A", "B30f", "1.2.840", "2020", "liver lesion segment IV", "Primovist 10 ml", "ドイツ", "lung 60",
    "12",
    "mall",
    "mulled",
)  # fmt: skip


def patient(name: str) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in PATIENTS[name].items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize("name", PATIENTS)
def test_the_patient_is_found_however_written(name):
    found = recurrence_of(patient(name))
    assert found is not None
    assert [text for text in HELD[name] if not found.is_in(text)] == []
    assert [text for text in HELD[name] if found.is_in(found.without(text))] == []


@pytest.mark.parametrize("name", PATIENTS)
def test_usual_texts_stay(name):
    found = recurrence_of(patient(name))
    assert found is not None
    assert [text for text in USUAL if found.is_in(text)] == []
    assert all(found.without(text) == " ".join(text.split()) for text in USUAL)


def test_nothing_identifies_an_empty_object():
    assert recurrence_of(Dataset()) is None
