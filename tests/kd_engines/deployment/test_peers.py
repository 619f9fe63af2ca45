"""Several engines of one kdcluster behind a real balancer: what one knows, all tell."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from kd_pipeline.atomic import write_json
from tests.configmeta import configmeta
from tests.kd_engines.balancer.running_balancer import BALANCER_TOKEN, Load, RunningBalancer
from tests.kd_engines.deployment.running_deployment import TOKEN, RunningDeployment
from tests.kd_engines.running_server import eventually

pytestmark = pytest.mark.slow
DOUBLE = "def predict(model, row): return row['n'] * {factor}"


class Member(RunningDeployment):
    """One of several engines; ``cluster`` has all of them."""

    def __init__(self, folder: Path, node: int, cluster: list["Member"]) -> None:
        self.node, self.cluster = node, cluster
        super().__init__(folder, KD_DRAIN_MIN_S="2")

    def write_configmeta(self, tokens: tuple[str, ...] = (TOKEN,)) -> None:
        """Write what KubeDirector writes into this member: its node, and every member's URL."""
        meta = configmeta(
            "deployment-engine-instance", (BALANCER_TOKEN,), None, self.models.values()
        )
        meta["node"]["id"] = str(self.node)
        urls = [member.url for member in {*self.cluster, self}]
        service = {"id": "gunicorn", "endpoints": urls, "authToken": TOKEN}
        meta["nodegroups"]["1"]["roles"]["RESTServer"] = {"services": {"gunicorn": service}}
        write_json(self.configmeta_path, meta)


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[Member]]:
    members: list[Member] = []
    for node in (2, 3):
        (tmp_path / str(node)).mkdir()
        members.append(Member(tmp_path / str(node), node, members))
    members[0].write_configmeta()
    yield members
    for member in members:
        member.stop()


@pytest.fixture
def balancer(tmp_path: Path, members: list[Member]) -> Iterator[RunningBalancer]:
    balancer = RunningBalancer(tmp_path)
    balancer.join(*members)
    yield balancer
    balancer.stop()


def test_any_engine_tells_a_prediction_of_any_other(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    for member in members:
        member.connect("double", "1", DOUBLE.format(factor=2))
    for member in members:
        member.wait("double/1")
    made = [_ask(balancer, n).json() for n in range(20)]
    ids = [answer["id"] for answer in made]
    assert len(set(ids)) == 20
    assert {number // 10**9 for number in ids} == {2, 3}  # both engines were asked
    for answer in made:
        url = balancer.url.removeprefix("http://")
        assert answer["request_url"] == f"{url}/history/{answer['id']}"
        for _ in range(2):  # whichever engine the balancer asks
            [told] = _get(balancer, f"/history/{answer['id']}")
            assert _get(balancer, f"/predictions/{answer['id']}") == told
            assert (told["input"], told["request_url"]) == (answer["input"], answer["request_url"])
            assert _get(balancer, f"/logs/{answer['id']}")["id"] == answer["id"]
    for _ in range(2):
        assert sorted(one["id"] for one in _get(balancer, "/history")) == sorted(ids)
    missing = _call(balancer, "GET", "/history/999")
    assert (missing.status_code, missing.json()["error"]["type"]) == (404, "NotFound")


def test_a_model_changes_on_all_engines_and_no_request_is_lost(
    balancer: RunningBalancer, members: list[Member]
) -> None:
    for member in members:
        member.connect("double", "1", DOUBLE.format(factor=1))
    for member in members:
        member.wait("double/1")
    with Load(
        balancer.url, clients=4, path="/double/1/predict", token=TOKEN, body=_body(1)
    ) as load:
        for factor in (2, 3, 4):
            for member in members:
                member.connect("double", "1", DOUBLE.format(factor=factor))
            for member in members:
                eventually(lambda m=member, f=factor: m.predict("double/1", {"n": 1}) == f)
        members[0].stop()
        members[0].start()
        eventually(lambda: len(balancer.up()) == 2)
    assert load.failed == {}
    assert load.answers["200"] > 200


def _body(n: int) -> dict[str, Any]:
    return {"use_scoring": True, "scoring_args": {"n": n}}


def _ask(balancer: RunningBalancer, n: int) -> requests.Response:
    answer = _call(balancer, "POST", "/double/1/predict", json=_body(n))
    assert answer.json().get("result") == 2 * n, answer.text
    return answer


def _get(balancer: RunningBalancer, path: str) -> Any:
    answer = _call(balancer, "GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _call(balancer: RunningBalancer, method: str, path: str, **options: Any) -> requests.Response:
    headers = {"X-Auth-Token": TOKEN}
    return requests.request(method, balancer.url + path, headers=headers, timeout=20, **options)
