"""Members join and leave, stop and are killed under load, and no request is lost."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from tests.kd_engines.balancer.running_balancer import (
    BALANCER_TOKEN,
    HEADERS,
    TOKEN,
    Load,
    Member,
    RunningBalancer,
)
from tests.kd_engines.deployment.running_deployment import RunningDeployment
from tests.kd_engines.running_server import eventually, runs

pytestmark = pytest.mark.slow


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[RunningBalancer]:
    balancer = RunningBalancer(tmp_path)
    yield balancer
    balancer.stop()


@pytest.fixture
def members() -> Iterator[list[Member]]:
    members = [Member() for _ in range(8)]
    yield members
    for member in members:
        if hasattr(member, "process") and member.process.poll() is None:
            member.process.kill()
            member.process.wait()


def test_one_to_eight_members_join_and_leave_under_load(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    balancer.join(members[0].start())
    with Load(balancer.url) as load:
        for member in members[1:]:
            balancer.join(member.start())
        for member in members[:-1]:
            balancer.leave(member)
            member.stop()
        balancer.join(members[0].start())
        balancer.leave(members[-1])
        members[-1].stop()
    assert load.failed == {}
    assert load.answers["200"] > 1000


def test_members_that_stop_by_themselves_and_come_back_lose_nothing(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    """A pod that is evicted is stopped first, and named in configmeta.json all the time."""
    balancer.join(members[0].start(), members[1].start())
    with Load(balancer.url) as load:
        for turn in range(6):
            members[turn % 2].stop()
            members[turn % 2].start()
            eventually(lambda: len(balancer.up()) == 2)
    assert load.failed == {}
    assert load.answers["200"] > 1000


def test_a_killed_member_loses_no_more_than_what_it_had_in_hand(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    balancer.join(members[0].start(), members[1].start())
    with Load(balancer.url) as load:
        for turn in range(4):
            time.sleep(0.5)
            members[turn % 2].stop(signal.SIGKILL)
            time.sleep(0.5)
            members[turn % 2].start()
            eventually(lambda: len(balancer.up()) == 2)
    assert sum(load.failed.values()) <= 4 * load.clients, load.failed
    assert load.answers["200"] > 500


def test_a_member_that_does_not_answer_yet_gets_no_request(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    balancer.join(members[0].start())
    with Load(balancer.url) as load:
        balancer.urls.append(members[1].url)
        balancer.write()
        time.sleep(1.5)
        assert len(balancer.up()) == 1
        members[1].start()
        eventually(lambda: len(balancer.up()) == 2)
    assert load.failed == {}


def test_without_a_member_the_answer_says_so(balancer: RunningBalancer) -> None:
    answer = requests.post(f"{balancer.url}/train", headers=HEADERS, timeout=10)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["error"]["type"] == "Unavailable"
    assert "No engine behind the load balancer is ready" in answer.json()["error"]["message"]


def test_requests_pass_unchanged_and_tokens_are_the_engines_matter(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    balancer.join(members[0].start())
    for token in (TOKEN, BALANCER_TOKEN):
        answer = requests.get(
            f"{balancer.url}/echo?a=1", headers={"X-Auth-Token": token}, timeout=10
        )
        assert answer.json() == {"query": "a=1"}
    assert requests.get(f"{balancer.url}/echo", timeout=10).status_code == 401
    large = requests.post(
        f"{balancer.url}/echo",
        json={"number": 7, "pad": "x" * 140_000},
        headers=HEADERS,
        timeout=10,
    )
    assert large.json() == {"number": 7}


def test_statistics_want_the_balancers_token(balancer: RunningBalancer) -> None:
    url = f"http://127.0.0.1:{balancer.stats_port}/"
    assert requests.get(url, timeout=5).status_code == 401
    assert requests.get(url, auth=("kd", TOKEN), timeout=5).status_code == 401
    page = requests.get(url, auth=("kd", BALANCER_TOKEN), timeout=5)
    assert page.status_code == 200
    assert "member1" in page.text
    assert TOKEN not in page.text


def test_haproxy_comes_back_with_its_members(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    balancer.join(members[0].start(), members[1].start())
    _haproxy(balancer).kill()
    eventually(lambda: balancer.answers() and len(balancer.up()) == 2)
    assert requests.get(f"{balancer.url}/echo", headers=HEADERS, timeout=10).status_code == 200


def test_a_stopped_balancer_answers_what_is_in_flight(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    balancer.join(members[0].start())
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(requests.get, f"{balancer.url}/slow", headers=HEADERS, timeout=10)
        time.sleep(0.4)
        balancer.stop()
        assert asked.result().json() == {"slow": True}
    assert balancer.process.returncode == 0


def test_no_haproxy_is_left_behind_by_a_killed_balancer(balancer: RunningBalancer) -> None:
    haproxy = _haproxy(balancer)
    balancer.stop(signal.SIGKILL)
    haproxy.wait(10)
    balancer.start()


def _haproxy(balancer: RunningBalancer) -> psutil.Process:
    (found,) = psutil.Process(balancer.process.pid).children()
    assert found.name() == "haproxy"
    return found


def test_an_engine_learns_that_a_client_has_gone(balancer: RunningBalancer, tmp_path: Path) -> None:
    engine = RunningDeployment(tmp_path / "deployment")
    try:
        source = "import time\ndef predict(model, args): time.sleep(600)"
        label = engine.serve("hangs", "1", source)
        balancer.join(engine)
        (worker,) = engine.workers()
        with pytest.raises(requests.ReadTimeout):
            requests.post(
                f"{balancer.url}/{label}/predict",
                json={"use_scoring": True, "scoring_args": {}},
                headers={"X-Auth-Token": engine.token},
                timeout=1,
            )
        engine.disconnect(label)
        eventually(lambda: not runs(worker.pid))
    finally:
        balancer.leave(engine)
        engine.stop()
