"""The values that cross the interface `Service`, for the faces above it: all that they may import from below it.

Each is a frozen value, a constant, or a rule about a value. None opens, reads or changes anything of a repository.
"""

from __future__ import annotations

from eci_annotate.repository.admin.held_files import HeldSet
from eci_annotate.repository.admin.import_dicom import Imported
from eci_annotate.repository.admin.import_scan import Progress
from eci_annotate.repository.keys.factors import Factors, Passkey, check_pin_shape
from eci_annotate.repository.keys.signing_keys import Signer
from eci_annotate.repository.layout.protocol_proposals import ProtocolProposal
from eci_annotate.repository.local.audit import AuditQuery
from eci_annotate.repository.local.identity import HERE, WHENCE, actor_of
from eci_annotate.repository.sites.arrivals import LARGEST as LARGEST_FILE
from eci_annotate.repository.sites.site_credentials import TOKEN as SITE_TOKEN
from eci_annotate.repository.sync.outbox_entries import OutboxEntry, OutboxState
from eci_annotate.repository.sync.sync_states import SyncDirection, SyncState
from eci_annotate.repository.sync.sync_targets import SyncTarget

__all__ = [
    "HERE",
    "LARGEST_FILE",
    "SITE_TOKEN",
    "WHENCE",
    "AuditQuery",
    "Factors",
    "HeldSet",
    "Imported",
    "OutboxEntry",
    "OutboxState",
    "Passkey",
    "Progress",
    "ProtocolProposal",
    "Signer",
    "SyncDirection",
    "SyncState",
    "SyncTarget",
    "actor_of",
    "check_pin_shape",
]
