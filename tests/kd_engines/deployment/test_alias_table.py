"""An alias is a name that moves, and no request falls between two versions."""

import threading
import time
from collections import Counter
from typing import Any

import pytest

from kd_pipeline.model_aliases import ModelAliases
from tests.kd_engines.deployment.running_deployment import RunningDeployment, sentence
from tests.kd_engines.running_server import eventually


def says(value: int) -> str:
    return f"def predict(model, args): return {value}"


def point(engine: RunningDeployment, model: str, version: str) -> None:
    """Move the alias, as `%alias` does on a cluster."""
    manifest = ModelAliases(model, {"champion": version}).to_manifest()
    engine.aliases = [{**manifest, "labels": manifest["metadata"]["labels"], "annotations": {}}]
    engine.write_configmeta()
    eventually(
        lambda: [a for a in aliases(engine) if (a["model"], a["wanted"]) == (model, version)]
    )


def aliases(engine: RunningDeployment) -> list[dict[str, Any]]:
    return list(engine.get("/models")["aliases"])


def test_an_alias_answers_and_tells_the_real_version(engine: RunningDeployment) -> None:
    engine.serve("bus", "1", says(1))
    point(engine, "bus", "1")
    answer = engine.ask("bus/champion", {}).json()
    assert (answer["result"], answer["version"]) == (1, "1")
    assert engine.get(f"/history/{answer['id']}")[0]["model"] == "bus/1"


def test_a_version_of_that_name_wins(engine: RunningDeployment) -> None:
    engine.serve("ferry", "1", says(1))
    engine.serve("ferry", "champion", says(7))
    point(engine, "ferry", "1")
    assert engine.predict("ferry/champion", {}) == 7


def test_an_alias_of_a_version_that_is_not_here_is_told(engine: RunningDeployment) -> None:
    engine.serve("train", "1", says(1))
    point(engine, "train", "9")
    told = sentence(engine.ask("train/champion", {}), 404)
    assert "train/champion is that of version 9, which is not connected" in told


def test_an_alias_stays_while_the_new_version_fails(engine: RunningDeployment) -> None:
    engine.serve("tram", "1", says(1))
    point(engine, "tram", "1")
    assert engine.predict("tram/champion", {}) == 1
    engine.connect("tram", "2", "def load(path): raise RuntimeError('no')\n" + says(2))
    point(engine, "tram", "2")
    engine.wait("tram/2", "Failed")
    assert engine.predict("tram/champion", {}) == 1
    assert aliases(engine) == [
        {"model": "tram", "alias": "champion", "version": "1", "wanted": "2"}
    ]


@pytest.mark.slow
def test_an_alias_that_moves_under_load_loses_nothing(engine: RunningDeployment) -> None:
    for version in (1, 2):
        engine.serve("bike", str(version), says(version))
    point(engine, "bike", "1")
    answers: Counter[Any] = Counter()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answer = engine.ask("bike/champion", {})
            answers[answer.status_code, answer.json().get("result")] += 1
            time.sleep(0.005)

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    for turn in range(20):
        version = turn % 2 + 1
        point(engine, "bike", str(version))
        eventually(lambda v=version: [a["version"] for a in aliases(engine)] == [str(v)])
        assert engine.predict("bike/champion", {}) == version
    eventually(lambda: sum(answers.values()) >= 1000)
    stop.set()
    for thread in asking:
        thread.join()
    assert set(answers) == {(200, 1), (200, 2)}
