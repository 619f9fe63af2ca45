"""The engines as data: silent ones, none at all, and those whose short name is another magic."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_extension.job_pages import Wanted, job_page
from kd_client.attached import Attached
from kd_client.engines import engine_list
from kd_pipeline.errors import NoConnections
from tests.configmeta import Endpoint, configmeta
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where this session's configmeta.json is to be written."""
    monkeypatch.setenv("KD_CONFIGMETA", str(tmp_path / "configmeta.json"))
    return tmp_path / "configmeta.json"


@pytest.fixture
def silent() -> Iterator[str]:
    """Return the URL of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def connect(path: Path, clusters: dict[str, list[Endpoint]]) -> Attached:
    path.write_text(json.dumps(configmeta(clusters=clusters)))
    return Attached()


def test_a_cluster_that_never_answers_holds_up_no_other(
    path: Path, silent: str, engine: RunningEngine
) -> None:
    clusters = {
        CLUSTER: [(engine.url, TOKEN)],
        "silent": [(silent, TOKEN)],
        "deploy-silent": [(silent, TOKEN)],
    }
    session = connect(path, clusters)
    found = engine_list(session)
    states = {one.name: one.state for one in [*found.training, *found.deployment]}
    assert states == {CLUSTER: "Answers", "silent": "Down", "deploy-silent": "Down"}
    assert all("does not answer" in one.reason for one in found.training if one.name == "silent")
    assert "Engine http" in found.deployment[0].reason
    page = job_page(session, Wanted())
    assert list(page.troubles) == ["silent"]
    assert page.next is None


def test_a_wrong_token_is_refused_and_an_engine_that_answered_is_remembered(
    path: Path, engine: RunningEngine
) -> None:
    session = connect(path, {CLUSTER: [(engine.url, TOKEN)]})
    answered = engine_list(session).training[0].answered
    assert answered
    path.write_text(json.dumps(configmeta(clusters={CLUSTER: [(engine.url, "0" * 32)]})))
    (refused,) = engine_list(session).training
    assert (refused.state, refused.answered) == ("Refused", answered)
    assert "token" in refused.reason
    assert "0" * 32 not in refused.reason


def test_a_name_that_is_a_magic_already_gets_another(path: Path) -> None:
    found = engine_list(connect(path, {"time": [], "lo-gs": []}))
    assert {one.name: one.magic for one in found.training} == {
        "time": "time-cluster",
        "lo-gs": "lo-gs",
    }
    assert len(found.notices) == 2
    assert {one.state for one in found.training} == {"Starting"}


def test_where_nothing_is_connected_a_notice_says_what_to_do(path: Path) -> None:
    assert "kd up" in engine_list(Attached()).notices[0]
    with pytest.raises(NoConnections):
        job_page(Attached(), Wanted())
    found = engine_list(connect(path, {}))
    assert "spec.connections.clusters" in found.notices[0]
    assert (found.training, found.deployment) == ([], [])
