import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.asking import Asking
from tests.kd_engines.deployment.running_deployment import TOKEN, RunningDeployment, sentence
from tests.kd_engines.out_of import file_handles
from tests.kd_engines.running_server import eventually


def returns(value: object) -> str:
    return f"def predict(model, args): return {value!r}"


def test_versions_serve_side_by_side_at_their_own_urls(engine: RunningDeployment) -> None:
    first = engine.serve("pair", "1", returns("one"))
    second = engine.serve("pair", "2", returns("two"))
    assert (engine.predict(first, {}), engine.predict(second, {})) == ("one", "two")
    assert engine.state(first)["pid"] != engine.state(second)["pid"]


def test_a_removed_model_is_not_found_and_its_process_ends(engine: RunningDeployment) -> None:
    label = engine.serve("leaver", "1", returns(1))
    pid = engine.state(label)["pid"]
    engine.disconnect(label)
    eventually(lambda: engine.ask(label, {}).status_code == 404)
    eventually(lambda: pid not in [worker.pid for worker in engine.workers()])


def test_a_failed_load_is_told_with_the_line(engine: RunningDeployment) -> None:
    engine.connect("broken", "1", "def load(path):\n    return 1 / 0\ndef predict(m, a): return 1")
    status = engine.wait("broken/1", "Failed")
    assert "ZeroDivisionError: division by zero (line 2 of broken_1" in status["reason"]
    assert "could not be loaded: ZeroDivisionError" in sentence(engine.ask("broken/1", {}), 503)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def predict(:", "SyntaxError"),
        ("import no_such_module\ndef predict(m, a): return 1", "No module named"),
        ("import os\nos._exit(3)\ndef predict(m, a): return 1", "exit code 3"),
        ("import os\nos.kill(os.getpid(), 9)\ndef predict(m, a): return 1", "signal SIGKILL"),
        ("import sys\nsys.exit('no licence')\ndef predict(m, a): return 1", "no licence"),
    ],
)
def test_every_way_to_fail_at_loading_has_a_reason(
    engine: RunningDeployment, source: str, reason: str
) -> None:
    engine.connect("fails-to-load", "1", source)
    assert reason in engine.wait("fails-to-load/1", "Failed")["reason"]


def test_a_failed_update_leaves_the_running_version(engine: RunningDeployment) -> None:
    label = engine.serve("steady", "1", returns("old"))
    pid = engine.state(label)["pid"]
    engine.connect("steady", "1", "raise RuntimeError('new one is broken')\n" + returns("new"))
    status = engine.wait(label, "Failed")
    assert "new one is broken" in status["reason"]
    assert "The version that ran before still serves." in status["reason"]
    assert (status["pid"], engine.predict(label, {})) == (pid, "old")
    assert status["sha256"] != status["running_sha256"]
    engine.serve("steady", "1", returns("newer"))
    assert engine.predict(label, {}) == "newer"


def test_a_model_that_fails_on_its_own_example_is_not_let_in(engine: RunningDeployment) -> None:
    source = "def predict(model, args): return args['miles']"
    engine.connect("example", "1", source, example='{"km": 1}')
    assert (
        "fails on its own example: KeyError: 'miles'"
        in (engine.wait("example/1", "Failed")["reason"])
    )
    engine.serve("example", "1", source, example='{"miles": 1}')
    assert engine.predict("example/1", {"miles": 2}) == 2


def test_what_is_missing_is_loaded_once_it_is_there(engine: RunningDeployment) -> None:
    engine.connect("late", "1", returns(1))
    script = next(engine.repository.glob("code/late_1*"))
    engine.disconnect("late/1")
    eventually(lambda: not engine.state("late/1"))
    source = script.read_text()
    script.unlink()
    engine.models["late/1"] = late_manifest(script)
    engine.write_configmeta()
    assert "does not exist in the project repository" in engine.wait("late/1", "Failed")["reason"]
    script.write_text(source)
    engine.wait("late/1")
    assert engine.predict("late/1", {}) == 1


def late_manifest(script: Path) -> dict[str, object]:
    return {
        "metadata": {"name": "late-1", "labels": {"kubedirector.hpe.com/cmType": "model"}},
        "data": {
            "name": "late",
            "model-version": "1",
            "path": "/bd-fs-mnt/project_repo/models/late/1",
            "scoring-path": f"/bd-fs-mnt/project_repo/code/{script.name}",
        },
    }


def test_configmaps_that_cannot_be_used_say_why(engine: RunningDeployment) -> None:
    label = engine.serve("taken", "1", returns(1))
    engine.script("x.py", returns(1))
    manifest = engine.models[label]
    twin = {**manifest, "metadata": {**manifest["metadata"], "name": "zz-twin"}}
    outside = {**late_manifest(Path("x.py")), "metadata": {"name": "outside"}}
    outside["data"] = {**outside["data"], "name": "outside", "path": "/etc/../etc/passwd"}  # type: ignore[dict-item]
    engine.models |= {"twin": twin, "outside": outside}
    engine.models["lacks"] = {"metadata": {"name": "lacks"}, "data": {"name": "lacks"}}
    engine.write_configmeta()
    reasons = {m["configmap"]: m["reason"] for m in all_settled(engine)}
    assert "has taken/1 already" in reasons["zz-twin"]
    assert "lacks model-version, path" in reasons["lacks"]
    assert "'..'" in reasons["outside"]
    assert engine.predict(label, {}) == 1
    for name in ("twin", "outside", "lacks"):
        del engine.models[name]
    engine.write_configmeta()


def all_settled(engine: RunningDeployment) -> list[dict[str, object]]:
    def settled() -> object:
        models = engine.get("/models")["models"]
        names = {model["configmap"] for model in models}
        done = all(model["state"] in ("Ready", "Failed") for model in models)
        return models if done and {"zz-twin", "lacks", "outside"} <= names else None

    return list(eventually(settled))


def test_a_half_written_configmeta_changes_nothing(engine: RunningDeployment) -> None:
    label = engine.serve("whole", "1", returns(1))
    whole = engine.configmeta_path.read_bytes()
    engine.configmeta_path.write_bytes(whole[: len(whole) // 2])
    eventually(lambda: "not whole JSON" in (engine.get("/models")["last_error"] or ""))
    assert engine.predict(label, {}) == 1
    engine.configmeta_path.write_bytes(whole)
    eventually(lambda: engine.get("/models")["last_error"] is None)


def test_a_model_that_is_being_loaded_says_so(engine: RunningDeployment) -> None:
    go = engine.repository / "go"
    engine.connect(
        "slow-start",
        "1",
        f"""
        import pathlib, time
        while not pathlib.Path({str(go)!r}).exists():
            time.sleep(0.02)
        def predict(model, args): return 1
        """,
    )
    eventually(lambda: engine.state("slow-start/1").get("state") == "Loading")
    answer = engine.ask("slow-start/1", {})
    assert "is being loaded" in sentence(answer, 503)
    assert answer.headers["Retry-After"] == "1"
    go.touch()
    engine.wait("slow-start/1")


@pytest.mark.slow
def test_a_load_that_lasts_too_long_is_stopped(
    start_deployment: Callable[..., RunningDeployment],
) -> None:
    engine = start_deployment(KD_LOAD_TIMEOUT_S="1")
    engine.connect("endless", "1", "import time\ntime.sleep(300)\n" + returns(1))
    assert "longer than 1 s" in engine.wait("endless/1", "Failed")["reason"]
    assert engine.workers() == []


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_no_request_is_lost(engine: RunningDeployment) -> None:
    label = engine.serve("phoenix", "1", "import time\n" + returns(1))
    with Load(engine, label) as load:
        for _ in range(3):
            pid = eventually(lambda: engine.state(label)["pid"])
            os.kill(pid, signal.SIGKILL)
            eventually(lambda pid=pid: engine.state(label)["pid"] not in (pid, None))
            answered = load.answered
            eventually(lambda answered=answered: load.answered > answered + 10)
    assert load.failed == []


@pytest.mark.slow
def test_a_killed_engine_leaves_no_worker_and_comes_back(
    start_deployment: Callable[..., RunningDeployment],
) -> None:
    engine = start_deployment()
    label = engine.serve("left", "1", returns(1))
    old = engine.serve("left-old", "1", "import time\ntime.sleep(300)")
    assert len(engine.workers()) == 2
    threading.Thread(target=lambda: ignore(engine, old), daemon=True).start()
    eventually(lambda: len(engine.workers()) == 3)  # the script's own process
    engine.stop(signal.SIGKILL)
    eventually(lambda: engine.workers() == [])
    engine.start()
    assert engine.predict(label, {}) == 1


def ignore(engine: RunningDeployment, label: str) -> None:
    try:
        requests.post(
            f"{engine.url}/{label}/predict",
            json={"scoring_args": {}},
            headers={"X-Auth-Token": TOKEN},
            timeout=30,
        )
    except requests.RequestException:
        return


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_no_request_fails_while_models_come_change_and_go(
    start_deployment: Callable[..., RunningDeployment],
) -> None:
    """Meant are 200 requests a second; whatever the machine gives, 50 and more at each change."""
    engine = start_deployment()
    label = engine.serve("swapped", "1", returns(0))
    with Load(engine, label, rate=200) as load:
        for change in range(1, 21):
            if change % 3 == 0:
                engine.serve(f"guest-{change}", "1", returns(change))
            elif change % 3 == 1 and change > 3:
                engine.disconnect(f"guest-{change - 1}/1")
            engine.serve("swapped", "1", returns(change))
            eventually(lambda change=change: change in load.results)
            eventually(lambda change=change: load.answered >= 50 * change)
    assert load.failed == []
    assert set(load.results) == set(range(21))
    assert json.dumps(engine.get("/models")).count('"swapped"') == 1


class Load(Asking):
    """Ask a model again and again from 4 connections, ``rate`` times a second in all.

    Each connection keeps to its timetable: what an answer took is not added to the pause, and one
    that was late is made up for.
    """

    def __init__(self, engine: RunningDeployment, label: str, rate: int = 100) -> None:
        self.failed: list[str] = []
        self.results: dict[object, int] = {}
        self.answered = 0
        super().__init__(self._ask, 4)
        self._pause = 4 / rate
        self._url = f"{engine.url}/{label}/predict"

    def _ask(self) -> None:
        session = requests.Session()
        session.headers["X-Auth-Token"] = TOKEN
        due = time.monotonic()
        while not self.stop.wait(max(0.0, due - time.monotonic())):
            due += self._pause
            try:
                answer = session.post(self._url, json={"scoring_args": {}}, timeout=30)
            except requests.RequestException as error:
                self.failed.append(repr(error))
                continue
            if answer.status_code == 200:
                self.answered += 1
                self.results[answer.json()["result"]] = self.answered
            else:
                self.failed.append(answer.text)


def test_a_moment_without_file_handles_ends_no_following(engine: RunningDeployment) -> None:
    with file_handles(engine.process.pid):
        engine.write_configmeta(("new-token",))
        time.sleep(2.5)
    engine.connect("after-handles", "1", "def predict(model, args): return 1")
    assert engine.wait("after-handles/1")["state"] == "Ready"
    engine.disconnect("after-handles/1")


@pytest.mark.timeout(60)
def test_a_pipe_in_a_model_s_place_is_told_and_holds_up_nothing(
    engine: RunningDeployment,
) -> None:
    script = "def predict(model, args): return 1"
    for name in ("pipe-model", "pipe-script"):
        engine.connect(name, "1", script)
        engine.disconnect(f"{name}/1")
        config = ModelConfig(name, "2", f"repo://project_repo/models/{name}/1", "")
        path = engine.repository / "models" / name / "1"
        scoring = engine.script(f"{name}.py", script)
        if name == "pipe-script":
            path = engine.repository / "code" / f"{name}.py"
        path.unlink()
        os.mkfifo(path)
        config = replace(config, scoring_path=scoring)
        engine.models[f"{name}/2"] = config.to_manifest()
    engine.write_configmeta()
    other = engine.serve("beside-pipes", "1", script)
    assert engine.predict(other, {}) == 1
    for name in ("pipe-model", "pipe-script"):
        status = engine.wait(f"{name}/2", "Failed")
        assert "is a named pipe, not a regular file" in status["reason"]
        engine.disconnect(f"{name}/2")
