"""The hub under TLS, as an institution runs it: pages, websockets and the service over https, and nothing without."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from playwright.sync_api import Browser

from tests.browser.lab import Viewer
from tests.hub.hub_world import Hub, hubs, signed_in


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with a certificate for its names."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = certified(folder, ["hub.localhost", "*.hub.localhost"])
    with hubs(tls_cert=str(cert), tls_key=str(key)) as hub:
        yield hub


def certified(folder: Path, names: list[str]) -> tuple[Path, Path]:
    """A certificate that certifies itself, and its key, as files."""
    key, now = rsa.generate_private_key(public_exponent=65537, key_size=2048), datetime.now(UTC)
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    built = x509.CertificateBuilder().subject_name(whose).issuer_name(whose).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
    built = built.not_valid_after(now + timedelta(days=1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    form, closed = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, closed))
    (folder / "cert.pem").write_bytes(built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").chmod(0o600)
    return folder / "cert.pem", folder / "key.pem"


def test_a_radiologist_works_and_the_service_answers_over_https(secured: Hub, browser: Browser) -> None:
    page = signed_in(browser, secured, "anna")
    sockets: list[str] = []
    page.on("websocket", lambda each: sockets.append(each.url))
    page.reload()
    page.get_by_role("button", name="Open").first.click()
    Viewer(page).wait()
    assert page.url.startswith("https://anna.hub.localhost") and sockets
    assert all(url.startswith("wss://") for url in sockets)
    page.goto(secured.service)
    page.wait_for_selector("#projects")
    assert page.url.startswith("https://eci--service.hub.localhost")
    cookies = [one for one in page.context.cookies() if "jupyterhub" in one["name"] or one["name"].startswith("__")]
    assert cookies and all(one["secure"] for one in cookies if one["httpOnly"])
    page.context.close()


def test_nothing_is_answered_without_tls(secured: Hub) -> None:
    line = http.client.HTTPConnection("127.0.0.1", secured.port, timeout=10)
    with pytest.raises((OSError, http.client.HTTPException)):
        line.request("GET", "/hub/login", headers={"Host": f"hub.localhost:{secured.port}"})
        line.getresponse()
