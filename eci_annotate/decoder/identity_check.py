"""Whether a file may be taken in without a decision: what it claims about its patient, and what it still holds.

A file that states that its identity was removed is looked at again, for elements that name a person outright; texts,
dates and UIDs are left to whoever de-identified it. Uploads of sites are checked against the site's policy instead.
"""

from __future__ import annotations

from enum import StrEnum

from eci_annotate.decoder.file_reader import File
from eci_annotate.deid.policy import Dates, Policy, Treatment
from eci_annotate.deid.residue import still_identifies
from eci_annotate.dicom.images.files import read
from eci_annotate.dicom.patient_identity import IdentityRisk, claimed_risk
from eci_annotate.errors import BadImages

_LENIENT = Policy(
    retain_uids=True,
    retain_device=True,
    retain_institution=True,
    retain_characteristics=True,
    dates=Dates.KEEP,
    descriptors=Treatment.CLEAN,
    structured_content=Treatment.CLEAN,
    keep_graphics=True,
)
NAMES_A_PERSON = frozenset(
    {
        *("PatientBirthName", "PatientMotherBirthName", "OtherPatientNames", "OtherPatientIDs", "PatientAddress"),
        *("OtherPatientIDsSequence", "PatientTelephoneNumbers", "PatientTelecomInformation", "MedicalRecordLocator"),
        *("ResponsiblePerson", "CurrentPatientLocation", "InsurancePlanIdentification", "ReferringPhysicianName"),
        *("ReferringPhysicianAddress", "ReferringPhysicianTelephoneNumbers", "PerformingPhysicianName"),
        *("OperatorsName", "NameOfPhysiciansReadingStudy", "PhysiciansOfRecord", "RequestingPhysician"),
        *("PersonName", "PersonAddress", "PersonTelephoneNumbers", "NamesOfIntendedRecipientsOfResults"),
        *("ScheduledPerformingPhysicianName", "OrderEnteredBy", "MilitaryRank"),
    }
)


class ResidueRisk(StrEnum):
    """Why a file that claims that its identity was removed may identify its patient all the same."""

    NAMES = "still holds elements that name a person, although it states that identity was removed (0012,0062)"


def identity_of(file: File) -> tuple[str, str]:
    """Return the patient ID of a file, and why it may identify its patient (empty: nothing was found).

    References
    ----------
    PS3.15 Annex E, table E.1-1.
    """
    try:
        dataset = read(file, pixels=False)
    except BadImages:
        return "", str(IdentityRisk.NOT_REMOVED)
    patient = str(getattr(dataset, "PatientID", "") or "").strip()
    if (claimed := claimed_risk(dataset)) is not None:
        return patient, str(claimed)
    found = still_identifies(dataset, _LENIENT, subjects=".*")
    return patient, str(ResidueRisk.NAMES) if NAMES_A_PERSON.intersection(found) else ""
