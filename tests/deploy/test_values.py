"""What runs elsewhere says what runs here says: values fit the chart's schema, scopes and names are the hub's."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
import yaml
from traitlets.config import Config

CHECKOUT = Path(__file__).resolve().parents[2]
HUBCONFIG = CHECKOUT / "hubconfig"
sys.path.insert(0, str(HUBCONFIG))
import scopes  # noqa: E402
from settings import Settings  # noqa: E402

VALUES: dict[str, Any] = yaml.safe_load((HUBCONFIG / "z2jh" / "config.yaml").read_text())
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((HUBCONFIG / "z2jh" / "service.yaml").read_text()))


def schema() -> dict[str, Any]:
    """The chart's schema, without what its own default values fulfil: `required`."""

    def relaxed(node: Any) -> Any:
        if isinstance(node, dict):
            kept = {key: value for key, value in node.items() if key != "required" or "properties" not in node}
            return {key: relaxed(value) for key, value in kept.items()}
        return [relaxed(one) for one in node] if isinstance(node, list) else node

    chart: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "z2jh" / "values.schema.yaml").read_text())
    found: dict[str, Any] = relaxed(chart)
    return found


def test_the_values_fit_the_charts_schema() -> None:
    jsonschema.Draft7Validator(schema()).validate(VALUES)


@pytest.mark.parametrize("change", [{"hubb": {}}, {"hub": {"concurentSpawnLimit": 3}}, {"singleuser": {"uid": "me"}}])
def test_the_schema_would_find_a_slip(change: dict[str, Any]) -> None:
    assert list(jsonschema.Draft7Validator(schema()).iter_errors(VALUES | change))


def test_scopes_and_roles_are_those_of_one_machine() -> None:
    hub = VALUES["hub"]
    assert hub["config"]["JupyterHub"]["custom_scopes"] == scopes.CUSTOM
    here = {role["name"]: role for role in scopes.ROLES}
    for name, role in hub["loadRoles"].items():
        assert set(role["scopes"]) == set(here[name]["scopes"]), name
    assert set(hub["loadRoles"]) == set(here)
    assert hub["services"]["eci"]["oauth_client_allowed_scopes"] == [scopes.PERSON]


def configured(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Config:
    """What the values' Python makes of a hub."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    c = Config()
    c.JupyterHub.services = [{"name": name, **service} for name, service in VALUES["hub"]["services"].items()]
    exec(compile(VALUES["hub"]["extraConfig"]["eci"], "extraConfig", "exec"), {"c": c})
    return c


def test_the_chart_gives_the_same_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    c = configured({"ECI_SERVICE_TOKEN": "t1", "ECI_CULLER_TOKEN": "t2"}, monkeypatch)
    assert {one["name"]: one["api_token"] for one in c.JupyterHub.services} == {"eci": "t1", "culler": "t2"}
    assert c.Spawner.server_token_scopes == scopes.SERVER_TOKEN
    assert c.Spawner.cmd[:3] == ["python3", "-m", "eci_annotate.userservers.voila_server"]
    spawner = SimpleNamespace(user=SimpleNamespace(groups=[SimpleNamespace(name="liver-ct/developer")]))
    (raised,) = c.Spawner.group_overrides(spawner).values()
    assert raised["spawner_override"]["default_url"] == "/lab/tree/02_inspect.ipynb"
    assert "gifts" not in raised["spawner_override"], "KubeSpawner has no such setting"


def words(node: Any) -> list[tuple[str, Any]]:
    """Every name and plain value in a tree."""
    if isinstance(node, dict):
        plain = [(str(key), value) for key, value in node.items() if not isinstance(value, dict | list)]
        return plain + [pair for value in node.values() for pair in words(value)]
    return [pair for one in node for pair in words(one)] if isinstance(node, list) else []


def test_no_secret_is_in_a_file() -> None:
    for tree in (VALUES, *MANIFESTS):
        for name, value in words(tree):
            secret = re.search("secret|password|token", name, re.IGNORECASE)
            assert not secret or name in {"secretName", "token_url", "automountServiceAccountToken"}, (name, value)
    assert all("://" not in str(v) or "@" not in str(v) or re.search(r"//\w+@", str(v)) for _, v in words(VALUES))


def test_the_service_stands_on_several_feet() -> None:
    kinds = {(one["kind"], one["metadata"]["name"]): one for one in MANIFESTS}
    service = kinds["Deployment", "eci-annotate"]["spec"]
    assert service["replicas"] >= 2 and kinds["PodDisruptionBudget", "eci-annotate"]["spec"]["minAvailable"] >= 1
    (container,) = service["template"]["spec"]["containers"]
    mounts = {one["name"]: one for one in container["volumeMounts"]}
    assert mounts["forms"]["readOnly"] is True and container["securityContext"]["readOnlyRootFilesystem"] is True
    given = {one["name"] for one in container["env"]}
    assert {"JUPYTERHUB_API_TOKEN", "ECI_ANNOTATE_DSN", "ECI_ANNOTATE_REPOSITORY"} <= given
    for (kind, _), one in kinds.items():
        if kind == "Deployment":
            labels = one["spec"]["template"]["metadata"]["labels"]
            assert one["spec"]["selector"]["matchLabels"].items() <= labels.items()
            assert labels["hub.jupyter.org/network-access-hub"] == "true"
            assert one["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True


def test_users_pods_reach_hub_and_service_alone() -> None:
    policy = VALUES["singleuser"]["networkPolicy"]
    rules = policy["egressAllowRules"]
    assert policy["enabled"] and not (rules["privateIPs"] or rules["nonPrivateIPs"] or rules["cloudMetadataServer"])
    assert [one["to"] for one in policy["egress"]] == [[{"podSelector": {"matchLabels": {"app": "eci-annotate"}}}]]


def test_compose_sets_what_there_is_to_set() -> None:
    compose = yaml.safe_load((HUBCONFIG / "compose.yaml").read_text())
    for service in compose["services"].values():
        known = {f"ECI_HUB_{name.upper()}" for name in Settings.__dataclass_fields__}
        assert set(service["environment"]) <= known
        assert (HUBCONFIG / service["build"]["context"] / service["build"]["dockerfile"]).exists()
        assert service["cap_drop"] == ["ALL"] and {"SETUID", "SETGID", "KILL"} <= set(service["cap_add"])


@pytest.mark.parametrize("name", ["user", "service", "hub"])
def test_an_image_is_built_by_a_script_and_ends_as_nobody_special(name: str) -> None:
    text = (HUBCONFIG / "images" / f"{name}.Dockerfile").read_text()
    assert f"bash /src/hubconfig/images/install.sh {name} /opt/eci" in text
    last_user = re.findall(r"^USER (\S+)", text, re.MULTILINE)
    assert last_user == ([] if name == "hub" else ["1000"]), "the hub alone gives its users their own system users"
    assert "apt-get" not in text and ":latest" not in text
