"""The proxy's one configuration file (YAML): read, checked against its schema, and checked against the machine.

Paths in it are relative to its own folder.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eci_annotate.deid.policy import Policy
from eci_annotate.deid.policy_file import read_policy, read_yaml
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.errors import BadConfiguration
from eci_annotate.proxy.pixel_text import can_search

SCHEMA = Path(__file__).with_name("data") / "configuration.schema.json"


@dataclass(frozen=True)
class Sender:
    """A device that may send: its AE title, and the addresses from which it does (one, or a network)."""

    ae_title: str
    address: str

    def is_at(self, address: str) -> bool:
        """Whether an address is one of the sender's."""
        try:
            return ipaddress.ip_address(address) in ipaddress.ip_network(self.address, strict=False)
        except ValueError:
            return False


@dataclass(frozen=True)
class ReceiverSettings:
    """How images are received by C-STORE: title, address, who may send, and limits."""

    ae_title: str
    port: int
    senders: tuple[Sender, ...]
    host: str = "0.0.0.0"
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    associations: int = 10
    associations_per_address: int = 4
    largest_mb: int | None = None
    patience_s: float = 60.0


@dataclass(frozen=True)
class CentreSettings:
    """Where the centre is, and what identifies this site there."""

    url: str
    credential: Path
    authority: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    parallel: int = 4


@dataclass(frozen=True)
class PacsSettings:
    """The archive from which studies are fetched; by C-GET, or by C-MOVE to the proxy's own receiver."""

    ae_title: str
    host: str
    port: int
    own_ae_title: str
    move: bool = False


@dataclass(frozen=True)
class PageSettings:
    """Where the local page is: address, the names by which it may be opened, TLS, and after how long a login ends."""

    host: str = "127.0.0.1"
    port: int = 8480
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    idle_minutes: float = 15.0

    def is_local(self) -> bool:
        """Whether only this machine can reach the page."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def allowed_names(self) -> tuple[str, ...]:
        """Return the names and addresses by which the page may be opened."""
        return ("127.0.0.1", "localhost", "::1", self.host, *self.names)


@dataclass(frozen=True)
class Configuration:
    """A site's proxy."""

    site: str
    spool: Path
    key: Path
    policy_path: Path
    keep_originals: bool = False
    processes: int = 1
    largest_mb: int = 128
    watch: tuple[Path, ...] = ()
    centre: CentreSettings | None = None
    receive: ReceiverSettings | None = None
    pacs: PacsSettings | None = None
    page: PageSettings = PageSettings()

    @property
    def largest(self) -> int:
        """Size of the largest object that is taken, in bytes; that of `receive` counts if it is stated there."""
        received = self.receive.largest_mb if self.receive else None
        return (received or self.largest_mb) << 20

    def pseudonymiser(self) -> Pseudonymiser:
        """Return the site's secret; raises BadSiteKey if it cannot be used."""
        return Pseudonymiser.from_file(self.key)

    def policy(self) -> Policy:
        """Return the policy; raises BadPolicy, or BadConfiguration if it cannot be followed here."""
        found = read_policy(self.policy_path)
        if found.site not in ("SITE", self.site):
            raise BadConfiguration(f"The policy is that of site {found.site}.", "Write the same site in both files.")
        if found.find_text and not can_search():
            what = "The policy asks to search pixels for text, but the program tesseract is not installed."
            raise BadConfiguration(what, "Install it (Debian: tesseract-ocr), or leave quarantine/find_text out.")
        return found


def read_configuration(path: Path) -> Configuration:
    """Return the configuration in a file.

    Raises
    ------
    BadConfiguration
        If the file cannot be read, or does not fit the schema; it names the place.
    """
    from jsonschema import Draft202012Validator

    try:
        content = read_yaml(path)
    except ValueError as wrong:
        what = f"The configuration is not a readable YAML file: {wrong}."
        raise BadConfiguration(what, "See docs/hospital.md.") from None
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    error = next(iter(Draft202012Validator(schema).iter_errors(content)), None)
    if error:
        place = "/".join(map(str, error.absolute_path)) or "at the top"
        raise BadConfiguration(f"The configuration does not fit its schema: {place}: {error.message}.", "Correct it.")
    return _configuration(content, path.resolve().parent)


def _configuration(content: dict[str, Any], base: Path) -> Configuration:
    parts: dict[str, Any] = {
        name: content[name] for name in ("site", "keep_originals", "processes", "largest_mb") if name in content
    }
    if "centre" in content:
        parts["centre"] = CentreSettings(
            **_with_paths(content["centre"], base, "credential", "authority", "certificate", "certificate_key")
        )
    if "receive" in content:
        parts["receive"] = _receiver(content["receive"], base)
    if "pacs" in content:
        parts["pacs"] = PacsSettings(**content["pacs"])
    if "page" in content:
        parts["page"] = _page(content["page"], base)
    return Configuration(
        **parts,
        spool=base / content["spool"],
        key=base / content["key"],
        policy_path=base / content["policy"],
        watch=tuple(base / each for each in content.get("watch", ())),
    )


def _receiver(content: dict[str, Any], base: Path) -> ReceiverSettings:
    given = {name: value for name, value in content.items() if name not in ("senders", "tls")}
    senders = tuple(Sender(**each) for each in content["senders"])
    for each in senders:
        try:
            ipaddress.ip_network(each.address, strict=False)
        except ValueError:
            what = "The configuration names a sender by something that is no address: receive/senders."
            raise BadConfiguration(what, "Give an IP address, or a network such as 10.1.0.0/16.") from None
    return ReceiverSettings(
        senders=senders, **given, **_with_paths(content.get("tls", {}), base, "certificate", "key", "authority")
    )


def _page(content: dict[str, Any], base: Path) -> PageSettings:
    given = {name: value for name, value in content.items() if name not in ("names", "tls")}
    names = tuple(content.get("names", ()))
    return PageSettings(names=names, **given, **_with_paths(content.get("tls", {}), base, "certificate", "key"))


def _with_paths(content: dict[str, Any], base: Path, *names: str) -> dict[str, Any]:
    return {name: base / value if name in names else value for name, value in content.items()}
