"""The images' command and the setup package, in the order in which KubeDirector uses them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.kd_engines.kubedirector.running_member import TOKEN, GuestMember
from tests.kd_engines.running_server import eventually

pytestmark = pytest.mark.slow
TRAINING, DEPLOYMENT = "hpecp/training-engine", "hpecp/deploymt-engine"
Make = Callable[..., GuestMember]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[GuestMember] = []

    def make(role: str, distro: str, engines: list[str] | None = None) -> GuestMember:
        made.append(GuestMember(tmp_path / f"{role}{len(made)}", role, distro, engines or []))
        return made[-1]

    yield make
    for member in made:
        member.kill_all()


def configured(member: GuestMember) -> GuestMember:
    member.start_container()
    time.sleep(0.3)
    member.inject()
    member.set_up()
    assert member.configure() == "0", (member.guest / "configure.stderr").read_text()
    return member


@pytest.mark.parametrize(("distro", "path"), [(TRAINING, "/history"), (DEPLOYMENT, "/models")])
def test_an_engine_from_the_container_to_its_first_request(
    make: Make, distro: str, path: str
) -> None:
    member = configured(make("RESTServer", distro))
    answer = requests.get(member.url + path, headers={"X-Auth-Token": TOKEN}, timeout=5)
    assert answer.status_code == 200
    said = (member.guest / "configure.stdout").read_text()
    assert said == "configure: RESTServer of some-cluster runs\n"
    assert TOKEN not in said
    assert member.stop() == 0


def test_a_balancer_and_its_engine(make: Make) -> None:
    engine = configured(make("RESTServer", DEPLOYMENT))
    balancer = configured(make("LoadBalancer", DEPLOYMENT, [engine.url]))

    def answers() -> bool:
        headers = {"X-Auth-Token": TOKEN}
        return requests.get(f"{balancer.url}/models", headers=headers, timeout=5).status_code == 200

    eventually(answers)
    assert balancer.configure() == "0"
    assert balancer.stop() == 0


def test_a_balancer_whose_engine_was_there_first_is_configured(make: Make) -> None:
    engine = configured(make("RESTServer", DEPLOYMENT))
    balancer = make("LoadBalancer", DEPLOYMENT, [engine.url])
    balancer.start_container()
    balancer.inject()
    eventually(lambda: _is_ready(balancer.url))  # so that the engine's answers come through it
    assert requests.get(balancer.url, timeout=5).status_code == 401
    balancer.set_up()
    assert balancer.configure() == "0", (balancer.guest / "configure.stderr").read_text()


def test_a_notebook_wants_its_token(make: Make) -> None:
    notebook = configured(make("controller", "hpecp/jupyter-notebook"))
    assert requests.get(f"{notebook.url}/api/contents", timeout=10).status_code == 403
    listed = requests.get(
        f"{notebook.url}/api/contents", headers={"Authorization": f"token {TOKEN}"}, timeout=10
    )
    assert {entry["name"] for entry in listed.json()["content"]} >= {"models", "code", "data"}


def test_every_event_may_be_repeated_and_says_what_it_was(make: Make) -> None:
    member = configured(make("RESTServer", TRAINING))
    assert member.configure() == "0"
    for event in ("--addnodes", "--delnodes"):
        line = f"{event} --nodegroup 1 --role RESTServer --fqdns kdss-1.example,kdss-2.example"
        for _ in range(2):
            done = member.event(line)
            assert (done.returncode, done.stderr) == (0, "")
            assert "RESTServer kdss-1.example,kdss-2.example" in done.stdout
    assert member.event("--reconnect").returncode == 0
    assert member.event("--reconnect --something-new 1").returncode == 0
    log = (Path(member.environment["HOME"]) / "kd-magics.log").read_text()
    assert log.count("reconnect: ") == 2


def test_an_event_for_a_member_that_does_not_run_fails(make: Make) -> None:
    member = configured(make("RESTServer", TRAINING))
    member.stop()
    done = member.event("--reconnect")
    assert done.returncode == 1
    assert "The member does not run" in done.stderr


def test_an_unknown_event_and_a_missing_file_are_told(make: Make) -> None:
    member = make("RESTServer", TRAINING)
    member.set_up()
    assert "Nothing is known to be connected" in member.event("--configure").stderr
    done = member.event("--upgrade")
    assert done.returncode == 1
    assert "--configure, --addnodes, --delnodes, --reconnect" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_image_with_another_command_gets_its_member_by_the_startscript(make: Make) -> None:
    member = make("RESTServer", TRAINING)
    member.inject()
    member.set_up()
    assert member.configure() == "0", (member.guest / "configure.stderr").read_text()
    assert requests.get(f"{member.url}/health/ready", timeout=5).status_code == 200


def test_a_killed_engine_is_started_again(make: Make) -> None:
    member = configured(make("RESTServer", TRAINING))
    assert member.process is not None
    (engine,) = psutil.Process(member.process.pid).children()
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait(10)
    eventually(lambda: _is_ready(member.url))
    assert member.process.poll() is None


def test_a_new_container_waits_for_kubedirectors_own_file(make: Make) -> None:
    member = make("RESTServer", TRAINING)
    del member.environment["KD_CONFIGMETA"]
    process = subprocess.Popen(
        [sys.executable, "-m", "kd_engines.kubedirector.member"],
        env=member.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "waiting for /etc/guestconfig/configmeta.json" in process.stderr.readline()
    process.terminate()
    assert process.wait(10) == 0


def test_a_foreign_app_is_told(make: Make) -> None:
    member = make("RESTServer", "hpecp/spark")
    member.inject()
    member.start_container()
    assert member.process is not None
    assert member.process.wait(30) == 1


def test_configcli_tells_values_and_follows_references(make: Make) -> None:
    member = make("RESTServer", TRAINING)
    member.inject()
    meta = json.loads(member.configmeta.read_text())
    meta["cluster"]["ref"] = {"bdvlibrefkey": ["nodegroups", "1", "distro_id"]}
    member.configmeta.write_text(json.dumps(meta))
    command = f"{member.environment['KD_PYTHON']} -m kd_engines.kubedirector.configcli --get"
    for key, value in (
        ("cluster.id", "uid-7"),
        ("cluster.ref", TRAINING),
        ("nodegroups.1.roles", "RESTServer"),
        ("nodegroups.1.roles.RESTServer.node_ids", "1"),
    ):
        assert member.shell(f"{command} {key}").stdout == f"{value}\n"
    missing = member.shell(f"{command} cluster.colour", check=False)
    assert (missing.returncode, "has no 'cluster.colour'" in missing.stderr) == (1, True)


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/ready", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False
