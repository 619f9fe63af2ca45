"""Several engines of one kdcluster on one machine have a load balancer, where HAProxy is there."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from kd_engines.local import world
from kd_engines.local.home import Home
from kd_engines.local.member import Member
from kd_pipeline.connections import BALANCER_ROLE, Endpoint
from kd_pipeline.errors import InvalidInput
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry.folder import FolderRegistry
from tests.kd_engines.local.running_home import DEPLOYMENT, RunningHome
from tests.kd_engines.running_server import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
SCRIPT = """
import json

def load(path):
    return json.load(open(path))

def predict(model, args):
    return model["factor"] * args["n"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RunningHome]:
    """Two deployment engines that serve a model."""
    home = RunningHome(tmp_path / "home", deployment=True)
    home.scale(DEPLOYMENT, 2)
    for name in ("models", "code"):
        (home.repository / name).mkdir(parents=True)
    (home.repository / "models/tens").write_text('{"factor": 10}')
    (home.repository / "code/tens.py").write_text(SCRIPT)
    FolderRegistry(home.manifests).register(ModelConfig("tens", "1", "models/tens", "code/tens.py"))
    home.edit(DEPLOYMENT, lambda spec: spec.update(connections={"configmaps": ["tens-1"]}))
    home.up()
    yield home
    home.kd("down")
    assert [process.cmdline() for process in home.processes()] == []


def balancers(home: RunningHome) -> list[Endpoint]:
    found = home.connections().cluster(DEPLOYMENT).api_endpoints()
    return [endpoint for endpoint in found if endpoint.role == BALANCER_ROLE]


def status(home: RunningHome) -> dict[str, Any]:
    """Return the balancer's status."""
    return next(m for m in home.status()["members"] if m["role"] == BALANCER_ROLE)


def served(home: RunningHome) -> int:
    """Return how many engines serve the model."""
    found = 0
    for engine in home.engines(DEPLOYMENT):
        authorized = {"X-Auth-Token": engine.token}
        try:
            answer = requests.get(f"{engine.url}/models", headers=authorized, timeout=10)
        except requests.ConnectionError:  # it leaves, or has not begun
            continue
        if answer.ok:
            found += [model["state"] for model in answer.json()["models"]] == ["Ready"]
    return found


def test_predictions_go_on_while_engines_come_and_go(home: RunningHome) -> None:
    (balancer,) = balancers(home)
    found: list[tuple[int, Any]] = []
    stopping = threading.Event()

    def ask() -> None:
        with requests.Session() as session:
            session.headers = {"X-Auth-Token": balancer.token}
            while not stopping.is_set():
                body = {"use_scoring": True, "scoring_args": {"n": 4}}
                answer = session.post(f"{balancer.url}/tens/1/predict", json=body, timeout=30)
                found.append((answer.status_code, answer.json().get("result")))

    eventually(lambda: served(home) == 2)
    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        for members in (3, 1, 2):
            home.scale(DEPLOYMENT, members)
            eventually(lambda members=members: served(home) == members)
    finally:
        stopping.set()
        for asker in askers:
            asker.join()
    assert set(found) == {(200, 40)}
    assert len(found) > 200


def test_it_is_a_member_as_on_a_cluster(home: RunningHome) -> None:
    member = status(home)
    assert (member["cluster"], member["state"]) == (DEPLOYMENT, "Ready")
    home.kill(member["pid"])
    eventually(lambda: status(home)["pid"] not in (None, member["pid"]))
    home.scale(DEPLOYMENT, 1)
    eventually(lambda: len(home.engines(DEPLOYMENT)) == 1)
    assert len(balancers(home)) == 1  # clients know its address
    home.kd("down")
    home.up()
    assert balancers(home) == []
    assert "it has one engine" in str(home.status()["notes"])


def test_without_haproxy_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise InvalidInput("HAProxy is not installed here; install the package haproxy.")

    monkeypatch.setattr(world, "find_haproxy", missing)
    home = RunningHome(tmp_path / "home", deployment=True)
    home.scale(DEPLOYMENT, 2)
    here = Home.at(home.path)
    read = world.read_world(here, here.registry())
    (note,) = [note for note in read.notes if note.startswith(DEPLOYMENT)]
    assert note == (
        f"{DEPLOYMENT}: no LoadBalancer: clients ask its first engine alone. "
        "HAProxy is not installed here; install the package haproxy."
    )


def test_one_that_is_to_start_again_stays(tmp_path: Path) -> None:
    home = Home.at(RunningHome(tmp_path / "home", deployment=True).path).create()
    balancer = Member.load(home, DEPLOYMENT, BALANCER_ROLE, 1, "1")
    balancer.give_address()
    balancer.retry_at = 1.0
    balancer.save()
    read = world.read_world(home, home.registry())
    assert next(m.role for m in read.members() if m.cluster == DEPLOYMENT) == BALANCER_ROLE
