"""How a cohort is prepared: where to, with which secret and policy, and what is kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from eci_annotate.deid.policy import Policy
from eci_annotate.deid.policy_file import read_policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.version import __version__


@dataclass(frozen=True)
class PrepareOptions:
    """What a worker needs to know; it reads secret and policy from their files, so that neither is sent to it.

    Attributes
    ----------
    target
        The prepared cohort.
    key
        File with the site's secret; None if the source is de-identified already.
    policy
        Policy file; None for the default policy.
    keep_dicom
        Also write the de-identified DICOM files.
    """

    target: Path
    key: Path | None = None
    policy: Path | None = None
    keep_dicom: bool = False

    def pseudonymiser(self) -> Pseudonymiser | None:
        """Return the pseudonymiser of the site's secret; None if the source is de-identified already.

        Raises
        ------
        BadSiteKey
            If the file cannot be read, or others may read it.
        """
        return Pseudonymiser.from_file(self.key) if self.key else None

    def rules(self) -> Policy:
        """Return the policy; raises BadPolicy if its file does not fit the schema."""
        return _policy(self.policy) if self.policy else Policy()

    def digest(self) -> str:
        """Return a digest of everything that the result depends on, apart from the images."""
        pseudonymiser = self.pseudonymiser()
        policy = self.policy.read_bytes() if self.policy else b""
        parts = [__version__, pseudonymiser.fingerprint if pseudonymiser else "", self.keep_dicom]
        return sha256(json.dumps(parts).encode() + b"\0" + policy).hexdigest()[:32]


@lru_cache(maxsize=4)
def _policy(path: Path) -> Policy:
    return read_policy(path)
