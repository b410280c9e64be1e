"""De-identify one file of the spool: a result among the outgoing files, or the causes why it is set aside."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256

from pydicom import dcmread

from eci_annotate.deid.deidentify import deidentify, identity_of
from eci_annotate.deid.folder_run import encoded
from eci_annotate.deid.pixel_data.pixel_masks import rule_for
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause, said
from eci_annotate.deid.quiet import quiet
from eci_annotate.proxy.inflation_limit import MOST_BYTES, pixel_bytes, require_bounded_file
from eci_annotate.proxy.pixel_text import may_show_text
from eci_annotate.proxy.spool import Spool


@dataclass(frozen=True)
class Treated:
    """What became of one file: causes, or the digest of the de-identified file, its patient and UIDs."""

    causes: tuple[Cause, ...] = ()
    outgoing: str = ""
    patient_id: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    pseudonym: str = ""
    series: str = ""
    uid: str = ""


def treat(
    digest: str, spool: Spool, policy: Policy, pseudonymiser: Pseudonymiser, accepted: Collection[Cause]
) -> Treated:
    """De-identify an original, and store the result among the outgoing files."""
    spool.begin(digest)
    treated = _treated(digest, spool, policy, pseudonymiser, accepted)
    spool.end(digest)
    return treated


def _treated(
    digest: str, spool: Spool, policy: Policy, pseudonymiser: Pseudonymiser, accepted: Collection[Cause]
) -> Treated:
    try:
        with quiet():
            require_bounded_file(spool.original(digest), spool.largest)
            dataset = dcmread(spool.original(digest), force=True)
            if rule_for(dataset, policy) and pixel_bytes(dataset) > MOST_BYTES:
                return Treated((Cause.PIXELS,))
            result = deidentify(dataset, policy, pseudonymiser, accepted=accepted)
            if result.dataset is None:
                return Treated(result.causes)
            made = result.dataset
            if policy.find_text and Cause.TEXT not in accepted and may_show_text(made):
                return Treated((Cause.TEXT,))
            content = encoded(made)
            patient, issuer = identity_of(dataset)
            names = [said(made, name) for name in ("PatientID", "SeriesInstanceUID", "SOPInstanceUID")]
    except Exception:  # whatever is wrong with one file sets that file aside, and its text may hold values
        return Treated((Cause.UNREADABLE,))
    outgoing = sha256(content).hexdigest()
    spool.write_outgoing(outgoing, content)
    return Treated((), outgoing, patient, issuer, *names)
