"""Quick predictions of a model stay together, slow ones are shared out, and none is lost."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.kd_engines.balancer.running_balancer import HEADERS, Load, Member, RunningBalancer

pytestmark = pytest.mark.slow
QUICK_MS, SLOW_MS = 1, 250


@pytest.fixture(scope="module")
def balancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBalancer]:
    balancer = RunningBalancer(tmp_path_factory.mktemp("balancer"))
    yield balancer
    balancer.stop()


@pytest.fixture(scope="module")
def members(balancer: RunningBalancer) -> Iterator[list[Member]]:
    members = [Member().start() for _ in range(4)]
    balancer.join(*members)
    yield members
    for member in members:
        if member.process.poll() is None:
            member.process.kill()
            member.process.wait()


def answered(
    balancer: RunningBalancer, path: str, clients: int, milliseconds: int, seconds: float = 3
) -> Counter[int]:
    """Ask all the time; return how many answers each member gave in the last two thirds."""
    begin, found = time.monotonic(), Counter[int]()

    def ask() -> None:
        with requests.Session() as session:
            while (now := time.monotonic()) < begin + seconds:
                answer = session.post(
                    balancer.url + path, json={"number": milliseconds}, headers=HEADERS, timeout=30
                )
                assert answer.status_code == 200
                if now > begin + seconds / 3:
                    found[answer.json()["port"]] += 1

    with ThreadPoolExecutor(clients) as pool:
        for asking in [pool.submit(ask) for _ in range(clients)]:
            asking.result()
    return found


@pytest.mark.parametrize("path", ["/{}/1/predict", "/v2/models/{}/infer", "/{}/champion/predict/"])
def test_a_quick_models_requests_go_to_one_member(
    balancer: RunningBalancer, members: list[Member], path: str
) -> None:
    [(_, count)] = answered(balancer, path.format("taxi"), 6, QUICK_MS).items()
    assert count > 100


def test_models_are_spread_over_the_members(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    found = [answered(balancer, f"/model{n}/1/predict", 2, QUICK_MS, 0.6) for n in range(12)]
    homes = [counts.most_common(1)[0][0] for counts in found]
    assert len(set(homes)) >= 3


def test_a_slow_models_requests_go_to_who_has_least_to_do(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    found = answered(balancer, "/heavy/1/predict", 8, SLOW_MS, 4)
    assert len(found) == 4
    assert max(found.values()) < 2 * min(found.values())


def test_more_requests_than_go_together_go_to_some_members(
    members: list[Member], tmp_path: Path
) -> None:
    """Six clients have more than two in flight, however slow this load generator is."""
    balancer = RunningBalancer(tmp_path, "--together=2")
    try:
        balancer.join(*members)
        found = answered(balancer, "/wanted/1/predict", 6, 10, 4)
    finally:
        balancer.stop()
    assert len([count for count in found.values() if count > 0.02 * found.total()]) > 1


def test_a_member_that_refuses_quickly_does_not_get_them_all(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    """Whichever member a model's name is home on: it is that one which has not got the model."""
    [(home, _)] = answered(balancer, "/absent/1/predict", 4, QUICK_MS).items()
    found = Counter[int]()
    until = time.monotonic() + 4

    def ask() -> None:
        with requests.Session() as session:
            while time.monotonic() < until:
                url = f"{balancer.url}/absent/1/predict"
                answer = session.post(url, json={"number": -home}, headers=HEADERS, timeout=30)
                found[answer.status_code] += 1

    with ThreadPoolExecutor(4) as pool:
        for asking in [pool.submit(ask) for _ in range(4)]:
            asking.result()
    assert set(found) == {200, 503}
    assert found[200] > 0.3 * found.total()


def test_nothing_is_lost_when_the_member_that_has_them_all_stops_or_joins(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    [(port, _)] = answered(balancer, "/taxi/1/predict", 6, QUICK_MS).items()
    home = next(member for member in members if member.port == port)
    with Load(balancer.url, 6, 0.005, "/taxi/1/predict", body={"number": QUICK_MS}) as load:
        time.sleep(0.5)
        home.stop()
        home.start()
        time.sleep(2)
        balancer.leave(home)
        balancer.join(home)
        time.sleep(0.5)
    assert load.failed == {}
    assert load.answers["200"] > 500


def test_a_killed_member_loses_no_more_than_it_had_in_hand(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    [(port, _)] = answered(balancer, "/taxi/1/predict", 6, QUICK_MS).items()
    home = next(member for member in members if member.port == port)
    with Load(balancer.url, 6, 0.005, "/taxi/1/predict", body={"number": QUICK_MS}) as load:
        time.sleep(0.5)
        home.stop(signal.SIGKILL)
        time.sleep(2)
    assert sum(load.failed.values()) <= 6
    assert load.answers["200"] > 200
