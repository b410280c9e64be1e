"""Images by C-STORE: an object is on the disk when success is answered; anything else is a status of failure.

Objects are written as they arrive and not parsed here, so that a malformed one costs neither memory nor the connection.
"""

from __future__ import annotations

import logging
import ssl
import tempfile
from threading import Thread
from typing import Any

from pynetdicom import AE, _config, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from eci_annotate.errors import BadConfiguration, NotDicom, Overloaded
from eci_annotate.proxy.configuration import ReceiverSettings
from eci_annotate.proxy.receive.connection_limits import GuardedServer, Limits
from eci_annotate.proxy.spool import Spool

SUCCESS, OUT_OF_RESOURCES, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000
PDU = 128 << 10
_STRANGER = "-"
log = logging.getLogger("eci_proxy")


class Receiver:
    """A C-STORE and C-ECHO service.

    Parameters
    ----------
    settings
        Title, address, who may send, and limits.
    spool
        Where objects go.
    """

    def __init__(self, settings: ReceiverSettings, spool: Spool) -> None:
        self._settings, self._spool = settings, spool
        store_to(spool)
        self._limits = Limits(
            self._is_known, settings.associations, settings.associations_per_address, spool.largest, settings.patience_s
        )
        entity = _entity(settings)
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_REQUESTED, self._check), (evt.EVT_REJECTED, _note)]
        self._server = entity.make_server(
            (settings.host, settings.port),
            evt_handlers=handlers,
            server_class=GuardedServer,
            limits=self._limits,
            tls=tls_context(settings),
        )
        entity._servers.append(self._server)
        self._thread = Thread(target=self._server.serve_forever, name="receive", daemon=True)

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self._server.server_address[1])

    def connections(self) -> int:
        """Return how many connections are open."""
        return self._limits.connections()

    def start(self) -> None:
        """Start to receive."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; associations that are open end."""
        self._server.shutdown()
        for association in self._server.active_associations:
            association.abort()

    def _is_known(self, address: str) -> bool:
        return any(sender.is_at(address) for sender in self._settings.senders)

    def _check(self, event: Any) -> None:
        """Let a title be rejected that does not belong to the sender's address."""
        asked = event.assoc.requestor.primitive
        title, address = asked.calling_ae_title.strip(), event.assoc.requestor.address
        if not any(each.ae_title.strip() == title and each.is_at(address) for each in self._settings.senders):
            asked.calling_ae_title = _STRANGER

    def _store(self, event: Any) -> int:
        event.assoc.dul.socket.object_bytes = 0
        return stored(event, self._spool)


def store_to(spool: Spool) -> None:
    """Let pynetdicom write what arrives into the spool, whatever kind of object it is."""
    _config.STORE_RECV_CHUNKED_DATASET = _config.UNRESTRICTED_STORAGE_SERVICE = True
    tempfile.tempdir = str(spool.parts)


def stored(event: Any, spool: Spool) -> int:
    """Take an object that has arrived; returns the status to answer, success only if it is on the disk."""
    try:
        spool.require_space()
        event.request._dataset_file.flush()
        spool.adopt(event.dataset_path)
    except Overloaded as error:
        log.error("an object was refused", extra={"why": error.what})
        return OUT_OF_RESOURCES
    except NotDicom:
        return CANNOT_UNDERSTAND
    except OSError as error:
        log.error("an object was not stored", extra={"kind": type(error).__name__})
        return OUT_OF_RESOURCES
    return SUCCESS


def tls_context(settings: ReceiverSettings) -> ssl.SSLContext | None:
    """Return the TLS context; None without TLS. With an authority, senders need a certificate of it."""
    if not settings.certificate:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.certificate, settings.key)
        if settings.authority:
            context.load_verify_locations(settings.authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError):
        what = "The receiver's certificate or key cannot be read."
        raise BadConfiguration(what, "Check receive/tls in the configuration.") from None
    return context


def _entity(settings: ReceiverSettings) -> AE:
    entity = AE(settings.ae_title)
    entity.maximum_pdu_size = PDU
    entity.maximum_associations = settings.associations
    entity.require_called_aet = True
    entity.require_calling_aet = [sender.ae_title for sender in settings.senders]
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = settings.patience_s
    entity.add_supported_context(Verification)
    return entity


def _note(event: Any) -> None:
    log.warning("an association was rejected", extra={"address": event.assoc.requestor.address})
