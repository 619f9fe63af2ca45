import base64
import json
import uuid
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kd_engines.local.configmeta import Running, configmeta
from kd_engines.local.member import Member
from kd_engines.local.world import TYPE_LABELS
from kd_pipeline.clusters import App, Cluster
from kd_pipeline.connections import parse_connections
from kd_pipeline.model_config import ModelConfig

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
TOKENS = st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LABEL = TYPE_LABELS["secrets"]


def app(distro: str = "hpecp/training-engine") -> App:
    return App(
        {
            "kind": "KubeDirectorApp",
            "metadata": {"name": "engine"},
            "spec": {
                "distroID": distro,
                "version": "1.0",
                "services": [
                    {
                        "id": "gunicorn",
                        "endpoint": {"port": 10001, "urlScheme": "http", "hasAuthToken": True},
                    },
                    {"id": "ssh", "endpoint": {"port": 22}},
                ],
                "roles": [{"id": "RESTServer", "cardinality": "1+"}],
                "config": {
                    "configMeta": {"ml_engine": "python"},
                    "selectedRoles": ["RESTServer"],
                    "roleServices": [{"roleID": "RESTServer", "serviceIDs": ["gunicorn", "ssh"]}],
                },
            },
        }
    )


def running(
    name: str, members: list[tuple[int, str]], distro: str = "x/training-engine"
) -> Running:
    limits = {"limits": {"cpu": "1500m", "memory": "4Gi"}}
    role = {"id": "RESTServer", "members": len(members), "resources": limits}
    cluster = Cluster(
        {
            "kind": "KubeDirectorCluster",
            "metadata": {"name": name},
            "spec": {"app": "engine", "roles": [role]},
        }
    )
    made = [
        Member(name, "RESTServer", n, str(n), Path("unused"), port, token)
        for n, (port, token) in enumerate(members, 1)
    ]
    return Running(cluster, app(distro), {"RESTServer": made})


ENGINES = st.lists(st.tuples(st.integers(1024, 65535), TOKENS), max_size=3)


@given(
    own=NAMES,
    token=TOKENS,
    connected=st.dictionaries(NAMES, ENGINES, max_size=3),
    models=st.dictionaries(NAMES, TEXTS, max_size=3),
    secrets=st.dictionaries(NAMES, st.binary(max_size=30), max_size=2),
)
def test_what_is_written_is_what_is_read(
    own: str,
    token: str,
    connected: dict[str, list[tuple[int, str]]],
    models: dict[str, str],
    secrets: dict[str, bytes],
) -> None:
    mine = running(own, [(10001, token)], "x/jupyter-notebook")
    manifests = [
        ModelConfig(name, "1", "models/x", "code/x.py", description=text).to_manifest()
        for name, text in models.items()
    ]
    hidden = [
        {
            "metadata": {"name": name, "labels": {LABEL: "kubeconfig"}},
            "data": {"config": base64.b64encode(value).decode()},
        }
        for name, value in secrets.items()
    ]
    content = configmeta(
        mine.members["RESTServer"][0],
        mine,
        [running(name, engines) for name, engines in connected.items()],
        manifests,
        hidden,
        TYPE_LABELS,
    )
    read = parse_connections(json.dumps(content))
    assert (read.cluster_name, read.role, read.node_id) == (own, "RESTServer", "1")
    assert read.tokens == {token}
    assert [c.name for c in read.clusters] == list(connected)
    for name, engines in connected.items():
        found = read.cluster(name)
        assert found.is_training
        assert found.config_metadata == {"ml_engine": "python"}
        urls = list(dict.fromkeys(f"http://127.0.0.1:{port}" for port, _ in engines))
        assert [endpoint.url for endpoint in found.api_endpoints()] == urls
        assert {endpoint.token for endpoint in found.endpoints} == {t for _, t in engines[:1]}
    assert {e.data["name"]: e.data["description"] for e in read.models()} == models
    assert {s.name: s.data["config"] for s in read.secrets} == secrets


def test_the_file_has_kubedirectors_keys_and_references_that_lead_somewhere() -> None:
    mine = running("notebook", [(1, "a" * 32)])
    content = configmeta(
        mine.members["RESTServer"][0],
        mine,
        [running("engine", [(2, "b" * 32)])],
        [],
        [],
        TYPE_LABELS,
    )
    expected = {"version", "services", "nodegroups", "distros", "cluster", "node", "connections"}
    assert content.keys() == expected
    assert content["connections"]["clusters"]["engine"].keys() == expected
    assert content["connections"]["configmaps"] == content["connections"]["secrets"] == {}
    role = content["nodegroups"]["1"]["roles"]["RESTServer"]
    assert (role["flavor"]["memory"], role["flavor"]["cores"]) == ("4096", "2")
    assert uuid.UUID(content["cluster"]["id"])
    (service,) = role["services"].values()
    assert service["endpoints"] == ["http://127.0.0.1:1"]
    references = list(found(content))
    assert len(references) > 6
    for keys in references:
        place = content
        for key in keys:
            place = place[key]
        assert place is not None


def found(value: object) -> list[list[str]]:
    """Return every reference in a configmeta."""
    if isinstance(value, dict):
        if "bdvlibrefkey" in value:
            return [value["bdvlibrefkey"]]
        return [keys for item in value.values() for keys in found(item)]
    return [keys for item in value for keys in found(item)] if isinstance(value, list) else []
