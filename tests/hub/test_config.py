"""The configuration loads with every authenticator, takes its choices from one file or the environment, and refuses."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from tests.hub.hub_world import CHECKOUT, IS_ROOT

CONFIG = CHECKOUT / "hubconfig" / "jupyterhub_config.py"
OIDC = {
    "client_id": "eci", "authorize_url": "https://id.example/a", "token_url": "https://id.example/t",
    "userdata_url": "https://id.example/u", "groups_claim": "groups",
}  # fmt: skip
LTI = {
    "issuer": "https://moodle.example", "client_ids": ["c1"], "authorize_url": "https://moodle.example/auth",
    "jwks_endpoint": "https://moodle.example/keys",
}  # fmt: skip
PUBLIC: dict[str, Any] = {"host": "hub.example.org", "port": 443, "tls_cert": "/c.pem", "tls_key": "/k.pem"}


@dataclass
class Loaded:
    """What the configuration makes of settings."""

    config: Config
    app: JupyterHub

    @property
    def authenticator(self) -> Any:
        """Made with its configuration: a setting that it does not know would be an error."""
        return self.app.authenticator_class(parent=self.app, config=self.config)


Load = Callable[..., Loaded]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Load the configuration with settings in a file, and an environment."""
    folder, mask = tmp_path / "state", os.umask(0o022)
    (folder / "repository").mkdir(parents=True)
    if IS_ROOT:
        os.chown(folder / "repository", 19_999, 19_999)
    monkeypatch.setattr("eci_annotate.userservers.python_interpreter.user_python", lambda _: Path(sys.executable))

    def load(settings: dict[str, Any] | None = None, **environment: str | None) -> Loaded:
        usual = {"state": str(folder), "repository": str(folder / "repository"), "runtime": short}
        chosen = usual | {"insecure_demo": not IS_ROOT} | (settings or {})
        (tmp_path / "hub.yaml").write_text(yaml.safe_dump(chosen))
        usual_environment = {"ECI_HUB_CONFIG": str(tmp_path / "hub.yaml"), "ECI_HUB_PUBLIC_FD": "0"}
        for name, value in (usual_environment | environment).items():
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
        app = JupyterHub()
        app.load_config_file(str(CONFIG))
        return Loaded(app.config, app)

    with tempfile.TemporaryDirectory(prefix="eci-run-") as short:  # the name of a socket has 107 bytes at most
        yield load
    os.umask(mask)


def test_accounts_are_the_default(load: Load) -> None:
    found = load({"groups": {"liver-ct/annotator/KAU": ["anna"]}})
    app, spawner = found.app, found.config.Spawner
    assert app.authenticator_class.__name__ == "Native"
    assert app.load_groups == {"liver-ct/annotator/KAU": {"users": ["anna"]}}
    assert app.subdomain_host == "http://hub.localhost:8000" and [one["name"] for one in app.services] == [
        "eci",
        "culler",
    ]
    assert "eci_annotate.userservers.voila_server" in spawner.cmd, "the least powerful server is the default"
    assert spawner.server_token_scopes == [
        "users:activity!user", "access:servers!server", "access:services!service=eci",
    ]  # fmt: skip
    assert spawner.environment["JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED"] == "0"


def test_oidc_takes_groups_from_the_institution(load: Load) -> None:
    found = load({"authenticator": "oidc", "oidc": OIDC, **PUBLIC}, ECI_HUB_OIDC_CLIENT_SECRET="s3")
    made = found.authenticator
    assert type(made).__name__ == "GenericOAuthenticator" and made.client_secret == "s3" and made.allow_all
    assert made.manage_groups and found.app.load_groups == {}
    assert made.oauth_callback_url == "https://hub.example.org/hub/oauth_callback"
    assert found.app.subdomain_host == "https://hub.example.org"
    assert "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED" not in found.config.Spawner.environment


def test_the_secret_may_lie_in_a_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    found = load({"authenticator": "oidc", "oidc": OIDC}, ECI_HUB_OIDC_CLIENT_SECRET_FILE=str(tmp_path / "secret"))
    assert found.authenticator.client_secret == "from a file"


def test_lti_needs_no_secret(load: Load) -> None:
    made = load({"authenticator": "lti", "lti": LTI}).authenticator
    assert type(made).__name__ == "LTI13Authenticator"
    assert made.issuer == LTI["issuer"] and made.client_id == {"c1"} and made.jwks_endpoint == LTI["jwks_endpoint"]


def test_the_environment_goes_over_the_file(load: Load) -> None:
    more = {"ECI_HUB_MEMORY": "7G", "ECI_HUB_PORT": "8123", "ECI_HUB_GROUPS": "{a/developer: [dev]}"}
    found = load({"memory": "1G"}, **more)
    assert found.config.Spawner.mem_limit == "7G"
    assert found.app.bind_url == "http://127.0.0.1:8123/" and found.app.load_groups == {
        "a/developer": {"users": ["dev"]}
    }


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"authenticator": "oidc", "oidc": OIDC}, "ECI_HUB_OIDC_CLIENT_SECRET"),
        ({"authenticator": "oidc", "oidc": {"client_id": "x"}}, "authorize_url"),
        ({"authenticator": "oidc", "oidc": OIDC | {"client_secret": "s3"}}, "holds a secret"),
        ({"authenticator": "lti"}, "issuer"),
        ({"authenticator": "kerberos"}, "no authenticator"),
        ({"memmory": "1G"}, "memmory"),
        ({"host": "hub.example.org"}, "Without TLS"),
    ],
)
def test_what_is_wrong_is_named(load: Load, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SystemExit, match=says):
        load(settings)


@pytest.mark.needs_root
def test_as_root_nothing_is_insecure(load: Load) -> None:
    assert load().app.spawner_class.__name__ == "UidSpawner"
    with pytest.raises(SystemExit, match="Leave insecure_demo away"):
        load({"insecure_demo": True})


@pytest.mark.needs_root
def test_the_service_does_not_run_as_root(load: Load, tmp_path: Path) -> None:
    (tmp_path / "roots").mkdir()
    with pytest.raises(SystemExit, match="chown"):
        load({"repository": str(tmp_path / "roots")})


@pytest.mark.needs_root
@pytest.mark.parametrize(
    ("settings", "environment", "says"),
    [
        ({}, {"ECI_HUB_PUBLIC_FD": None}, "take port 8000"),
        ({"tls_before": True, "port": 8443}, {"ECI_HUB_PUBLIC_FD": None}, "take port 8443"),
        ({"keep_servers": True}, {}, "With keep_servers"),
        ({"sockets": False}, {}, "inner ports"),
        ({"sockets": False, "inner": 1022}, {}, "inner ports"),
        ({}, {"ECI_HUB_PUBLIC_KEPT": "1"}, ""),
        ({"keep_servers": True}, {"ECI_HUB_PUBLIC_KEPT": "1"}, ""),
        ({"sockets": False, "inner": 901}, {}, ""),
        ({**PUBLIC, "port": 8443, "keep_servers": True}, {"ECI_HUB_PUBLIC_FD": None}, ""),
        ({"port": 80}, {"ECI_HUB_PUBLIC_FD": None}, ""),
    ],
)
def test_no_port_that_a_user_could_take(
    load: Load, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], environment: dict[str, Any], says: str
) -> None:
    monkeypatch.setattr("eci_annotate.userservers.listener.unprivileged_from", lambda: 1024)
    if says:
        with pytest.raises(SystemExit, match=says):
            load(settings, **environment)
    else:
        load(settings, **environment)


@pytest.mark.needs_root
def test_no_socket_where_others_may_change_names(load: Load, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(SystemExit, match="change names"):
        load({"runtime": str(tmp_path / "open" / "run")})
    os.chown(tmp_path / "open", 25_000, 25_000)
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(SystemExit, match="change names"):
        load({"runtime": str(tmp_path / "open" / "run")})


def test_all_inner_addresses_are_sockets(load: Load) -> None:
    found = load()
    app, places = found.app, found.config
    service, culler = app.services
    inner = [app.hub_bind_url, places.ConfigurableHTTPProxy.api_url, places.Spawner.environment["ECI_ANNOTATE_SERVICE"]]
    assert all(one.startswith("http+unix://") for one in inner)
    assert service["api_token"] != culler["api_token"] and len(service["api_token"]) == 64
    again = load().app.services
    assert [one["api_token"] for one in again] == [service["api_token"], culler["api_token"]], "kept over restarts"


def test_every_custom_scope_and_role_is_one_that_the_hub_knows() -> None:
    sys.path.insert(0, str(CHECKOUT / "hubconfig"))
    import scopes
    from jupyterhub.scopes import _check_scopes_exist, define_custom_scopes

    define_custom_scopes(scopes.CUSTOM)
    for role in scopes.ROLES:
        _check_scopes_exist(role["scopes"], who_for=role["name"])
    assert scopes.PERSON not in scopes.SERVER_TOKEN


@pytest.mark.parametrize(
    ("groups", "app"),
    [
        ([], True), (["liver-ct/annotator/KAU"], True), (["liver-ct/reviewer"], True), (["developer"], True),
        (["a/b/c/developer"], True), (["liver-ct/developer"], False), (["x/teacher", "x/annotator"], False),
    ],
)  # fmt: skip
def test_lab_is_a_raise_that_a_group_must_grant(groups: list[str], app: bool) -> None:
    sys.path.insert(0, str(CHECKOUT / "hubconfig"))
    from types import SimpleNamespace

    import landing

    lands = landing.Landing("python", CHECKOUT / "notebooks")
    spawner = SimpleNamespace(user=SimpleNamespace(groups=[SimpleNamespace(name=name) for name in groups]))
    overrides = lands.overrides(spawner)
    assert (overrides == {}) is app
    for override in overrides.values():
        assert landing.IPC in override["spawner_override"]["cmd"] and override["groups"] == groups
