"""Files of KubeDirector's shape, whatever is in them: read right, never wrongly, never torn."""

import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kd_engines.kubedirector.configcli import find
from kd_engines.kubedirector.engine import command, health_url
from kd_engines.local.configmeta import Running, configmeta
from kd_engines.local.member import Member
from kd_engines.local.world import TYPE_LABELS
from kd_pipeline.clusters import App, Cluster
from kd_pipeline.connections import BALANCER_SERVICES, parse_connections
from kd_pipeline.connections_file import ConnectionsFile
from kd_pipeline.errors import InvalidConfigmeta, InvalidInput
from tests.configmeta_strategies import Truth, files

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(files())
def test_all_that_is_in_a_file_is_found_and_nothing_else(
    drawn: tuple[dict[str, Any], Truth],
) -> None:
    meta, truth = drawn
    found = parse_connections(json.dumps(meta))
    assert found.tokens == truth.own.tokens
    assert {(e.url, e.token, e.service) for e in found.own.endpoints} == truth.own.endpoints
    assert {cluster.name for cluster in found.clusters} == truth.clusters.keys()
    for cluster in found.clusters:
        wanted = truth.clusters[cluster.name]
        assert {(e.url, e.token, e.service) for e in cluster.endpoints} == wanted.endpoints
        urls = [e.url for e in cluster.api_endpoints()]
        api = {u for u, _, s in wanted.endpoints if s in ("gunicorn", *BALANCER_SERVICES)}
        assert sorted(urls) == sorted(api)
        balanced = [e.service in BALANCER_SERVICES for e in cluster.api_endpoints()]
        assert balanced == sorted(balanced, reverse=True)
    assert [(c.type, c.name, c.data) for c in found.configmaps] == truth.configmaps
    assert [(s.type, s.name, s.data) for s in found.secrets] == truth.secrets
    assert [c.name for c in found.models()] == [n for k, n, _ in truth.configmaps if k == "model"]


@given(files(), st.data())
def test_a_file_that_is_torn_anywhere_changes_nothing(
    drawn: tuple[dict[str, Any], Truth], data: Any
) -> None:
    old, new = json.dumps(drawn[0]), json.dumps({**drawn[0], "version": "8"})
    cut = new[: data.draw(st.integers(0, len(new) - 1))]
    with pytest.raises(InvalidConfigmeta):
        parse_connections(cut)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "configmeta.json"
        path.write_text(old)
        file = ConnectionsFile(path)
        before = file.read()
        path.write_text(cut)
        assert file.read() == before
        assert file.last_error
        path.write_text(new)
        assert file.read().generation != before.generation


@given(files(), st.data())
def test_whatever_stands_in_the_place_of_a_value_is_no_crash(
    drawn: tuple[dict[str, Any], Truth], data: Any
) -> None:
    meta = json.loads(json.dumps(drawn[0]))
    place = meta
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
            place[key] = data.draw(ANY_JSON)
            break
        place = place[key]
    with contextlib.suppress(InvalidConfigmeta):
        parse_connections(json.dumps(meta)).models()


@given(files())
def test_a_member_knows_what_it_is_or_says_so(drawn: tuple[dict[str, Any], Truth]) -> None:
    connections = parse_connections(json.dumps(drawn[0]))
    if connections.own.distro_id.endswith("jupyter-notebook"):
        return  # it writes a file into the home folder: tests/kd_engines/kubedirector
    with contextlib.suppress(InvalidInput):
        line = command(connections)
        assert line[2] in ("kd_engines.training", "kd_engines.deployment", "kd_engines.balancer")
        assert health_url(connections).startswith("http://127.0.0.1:")


@st.composite
def running(draw: Any, name: str) -> Running:
    """Draw a kdcluster with its app and up to four members in each of its roles."""
    roles = draw(st.lists(st.sampled_from(["A", "B", "C"]), min_size=1, unique=True))
    service = {"endpoint": {"port": 10001, "urlScheme": "http", "hasAuthToken": True}}
    app = {
        "kind": "KubeDirectorApp",
        "metadata": {"name": "app"},
        "spec": {
            "distroID": "some/app",
            "version": "1.0",
            "roles": [{"id": role} for role in roles],
            "services": [{"id": "gunicorn", **service}, {"id": "ssh", "endpoint": {"port": 22}}],
            "config": {
                "configMeta": draw(st.dictionaries(st.text(), st.text(), max_size=2)),
                "roleServices": [{"roleID": r, "serviceIDs": ["gunicorn", "ssh"]} for r in roles],
            },
        },
    }
    counts = {role: draw(st.integers(0, 4)) for role in roles}
    cluster = {
        "kind": "KubeDirectorCluster",
        "metadata": {"name": name},
        "spec": {"app": "app", "roles": [{"id": r, "members": n} for r, n in counts.items()]},
    }
    members = {
        role: [
            Member(name, role, n, str(n), Path("/nowhere"), 10000 + n, f"{role}{n}")
            for n in range(1, count + 1)
        ]
        for role, count in counts.items()
    }
    return Running(Cluster(cluster), App(app), members)


@given(running("own"), st.lists(st.sampled_from(["one", "two"]), unique=True), st.data())
def test_what_kd_up_writes_is_whole(own: Running, names: list[str], data: Any) -> None:
    """Every reference leads somewhere, and each endpoint is there with its role's token."""
    connected = [data.draw(running(name)) for name in names]
    everybody = [member for members in own.members.values() for member in members]
    for member in everybody[:2]:
        meta = configmeta(member, own, connected, [], [], TYPE_LABELS)
        for reference in references(meta):
            find(meta, ".".join(reference))  # raises NotFound; a nil map is there, as null
        read = parse_connections(json.dumps(meta))
        assert (read.role, read.node_id) == (member.role, member.node_id)
        wanted = {(m.url, members[0].token) for members in own.members.values() for m in members}
        assert {(e.url, e.token) for e in read.own.endpoints} == wanted
        assert [cluster.name for cluster in read.clusters] == names


def references(value: Any) -> list[list[str]]:
    """Return every bdvlibrefkey of a file."""
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    if not isinstance(value, dict):
        return []
    if list(value) == ["bdvlibrefkey"]:
        return [value["bdvlibrefkey"]]
    return [found for item in value.values() for found in references(item)]


WRITER = """
import pathlib, random, sys, time
path, new = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_bytes()
for turn in range(60):
    with path.open("wb", buffering=0) as file:
        position = 0
        while position < len(new):
            step = random.randint(1, len(new))
            file.write(new[position:position + step])
            position += step
            time.sleep(random.random() / 100)
"""


@pytest.mark.slow
@settings(max_examples=3, deadline=None)
@given(files())
def test_a_writer_at_work_is_never_misread(drawn: tuple[dict[str, Any], Truth]) -> None:
    meta, _ = drawn
    with tempfile.TemporaryDirectory() as folder:
        path, source = Path(folder) / "configmeta.json", Path(folder) / "new"
        path.write_text(json.dumps(meta))
        source.write_text(json.dumps(meta))
        file = ConnectionsFile(path)
        before = file.read()
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(source)])
        while writer.poll() is None:
            assert file.read() == before
        assert file.read() == before
        assert file.last_error is None
