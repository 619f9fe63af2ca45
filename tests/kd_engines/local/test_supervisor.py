"""`kd up` and its members, with real processes that are really killed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import pytest
import yaml

from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.local.running_home import (
    DEPLOYMENT,
    NOTEBOOK,
    TRAINING,
    RunningHome,
)
from tests.kd_engines.out_of import disk_space, file_handles
from tests.kd_engines.running_server import eventually, runs

pytestmark = pytest.mark.slow


def finished(home: RunningHome, code: str) -> int:
    job = home.call("POST", "/jobs", {"code": code})["id"]
    eventually(lambda: home.call("GET", f"/jobs/{job}?wait=5&known=Running")["ended"])
    return int(job)


def test_a_killed_engine_comes_back_with_its_address_and_its_history(home: RunningHome) -> None:
    job = finished(home, "print('kept')")
    before = home.connections().cluster(TRAINING).api_endpoints()
    pid = home.member(TRAINING)["pid"]
    home.kill(pid)
    eventually(lambda: home.member(TRAINING)["restarts"])
    status = home.wait(TRAINING)
    assert status["pid"] != pid
    assert "SIGKILL" in status["reason"]
    assert home.connections().cluster(TRAINING).api_endpoints() == before
    assert home.call("GET", f"/logs/{job}")["logs"] == "kept\n"


def test_a_killed_supervisor_leaves_the_members_and_is_followed(home: RunningHome) -> None:
    pid = home.member(TRAINING)["pid"]
    home.kill(home.status()["supervisor"])
    eventually(lambda: home.status()["supervisor"] is None)
    assert home.member(TRAINING)["pid"] == pid
    home.up()
    assert home.member(TRAINING)["pid"] == pid
    home.kill(pid)
    eventually(lambda: home.member(TRAINING)["pid"] not in (pid, None))
    home.wait(TRAINING)


def test_a_second_supervisor_is_refused(home: RunningHome) -> None:
    second = home.kd("up")
    assert second.returncode == 1
    assert re.match(r"kd: `kd up` runs already for .* \(process \d+\); ", second.stderr)
    assert second.stderr.count("\n") == 1


def test_state_is_the_owners_alone_and_no_token_is_shown(home: RunningHome) -> None:
    modes = home.modes()
    assert {mode for name, mode in modes.items() if (home.path / name).is_dir()} == {0o700}
    open_files = {name: oct(mode) for name, mode in modes.items() if mode & 0o077}
    written_by_us = {name for name in open_files if not name.endswith(".yaml")}
    assert written_by_us == set()
    tokens = home.secrets()
    assert len(tokens) >= 2
    shown = home.kd("status").stdout + home.kd("status", "--json").stdout
    shown += "".join(path.read_text() for path in home.path.glob("run/*/*/log"))
    shown += "".join(" ".join(process.cmdline()) for process in home.processes())
    assert not [token for token in tokens if token in shown]


def test_members_are_added_and_taken_off(home: RunningHome) -> None:
    home.scale(TRAINING, 2)
    second = home.wait(TRAINING, number=2)
    eventually(lambda: len(home.engines()) == 2)
    job = finished(home, "print('one repository')")
    assert home.call("GET", f"/jobs/{job}", number=1)["status"] == "Finished"
    home.scale(TRAINING, 1)
    eventually(lambda: len(home.engines()) == 1)
    eventually(lambda: not runs(second["pid"]))
    assert home.wait(TRAINING)["state"] == "Ready"


def test_a_notebook_is_connected_anew(home: RunningHome) -> None:
    model = ModelConfig("taxi", "1", "models/taxi/1", "code/x.py").to_manifest()
    unlabelled = ModelConfig("bare", "1", "models/bare", "code/x.py").to_manifest()
    del unlabelled["metadata"]["labels"]
    for manifest in (model, unlabelled):
        import yaml

        name = manifest["metadata"]["name"]
        (home.manifests / f"configmap-{name}.yaml").write_text(yaml.safe_dump(manifest))
    home.copy(TRAINING, "big-engine")
    wanted = {"clusters": [TRAINING, "big-engine"], "configmaps": ["taxi-1", "bare-1", "gone"]}
    home.edit(NOTEBOOK, lambda spec: spec.update(connections=wanted))
    eventually(lambda: len(home.connections().training_clusters()) == 2)
    home.wait("big-engine")
    assert [entry.name for entry in home.connections().models()] == ["taxi-1"]
    notes = " ".join(home.status()["notes"])
    assert "ConfigMap 'bare-1' lacks the label kubedirector.hpe.com/cmType" in notes
    assert "the connected ConfigMap 'gone' is missing" in notes
    home.edit(NOTEBOOK, lambda spec: spec.update(connections={"clusters": [TRAINING]}))
    eventually(lambda: [c.name for c in home.connections().clusters] == [TRAINING])
    assert home.connections().models() == ()
    (home.manifests / "kdcluster-big-engine.yaml").unlink()
    eventually(lambda: "big-engine" not in [m["cluster"] for m in home.status()["members"]])


def test_what_is_wrong_in_one_manifest_is_told_and_stops_nothing_else(home: RunningHome) -> None:
    broken = home.manifests / "kdcluster-broken.yaml"
    broken.write_text("kind: [KubeDirectorCluster\n")
    home.copy(TRAINING, "strange", lambda spec: spec.update(app="no-such-app"))
    eventually(lambda: "no-such-app" in " ".join(home.status()["notes"]))
    status = home.kd("status").stdout
    assert "kdcluster-broken.yaml" in status
    assert "strange: its kdapp 'no-such-app' is not among the manifests; add it." in status
    assert home.wait(TRAINING)
    broken.unlink()
    (home.manifests / "kdcluster-strange.yaml").unlink()


def test_a_member_that_cannot_run_backs_off_with_its_last_words(home: RunningHome) -> None:
    def ask_for_nothing(spec: dict[str, object]) -> None:
        spec["roles"][1]["env"] = [{"name": "KD_MAX_RUNNING", "value": "none"}]  # type: ignore[index]

    home.copy(TRAINING, "crashes", ask_for_nothing)
    status = home.wait("crashes", "BackOff")
    assert "KD_MAX_RUNNING is 'none'" in status["reason"]
    eventually(lambda: home.member("crashes")["restarts"] >= 3)
    assert "KD_MAX_RUNNING is 'none'" in home.kd("status").stdout
    assert home.member(TRAINING)["state"] == "Ready"
    (home.manifests / "kdcluster-crashes.yaml").unlink()


def test_down_ends_all_with_the_running_job(new_home: Callable[..., RunningHome]) -> None:
    home = new_home(deployment=True)
    home.up()
    assert {m["cluster"] for m in home.status()["members"]} == {TRAINING, DEPLOYMENT, NOTEBOOK}
    job = home.call("POST", "/jobs", {"code": "import time\ntime.sleep(300)"})["id"]
    eventually(lambda: home.call("GET", f"/jobs/{job}")["status"] == "Running")
    assert len(home.processes()) >= 5
    done = home.kd("down")
    assert "1 running job was cancelled" in done.stdout
    assert [process.cmdline() for process in home.processes()] == []
    assert home.kd("status").returncode == 1
    home.up()
    assert home.call("GET", f"/jobs/{job}")["status"] == "Cancelled"
    assert home.kd("down").stdout.splitlines()[-1] == "Everything is stopped."
    assert home.kd("down").stdout == "Nothing is running.\n"


def test_ctrl_c_stops_all(new_home: Callable[..., RunningHome]) -> None:
    home = new_home()
    command = [sys.executable, "-m", "kd_engines", "up"]
    supervisor = subprocess.Popen(command, env=home.environment, stdout=subprocess.DEVNULL)
    home.wait(TRAINING)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=60) == 0
    assert home.processes() == []


def test_a_full_disk_ends_nothing_and_is_told_once(home: RunningHome) -> None:
    supervisor = home.status()["supervisor"]
    job = home.call("POST", "/jobs", {"code": "import time\ntime.sleep(300)"})["id"]
    eventually(lambda: home.call("GET", f"/jobs/{job}")["status"] == "Running")
    pid = home.member(TRAINING)["pid"]
    with disk_space(supervisor):
        home.copy(TRAINING, "newcomer")
        home.kill(pid)
        eventually(lambda: home.member(TRAINING)["pid"] != pid or not runs(pid))
        eventually(lambda: len(started_by(supervisor)) >= 1)
        assert home.status()["supervisor"] == supervisor
    assert home.wait("newcomer")
    assert home.wait(TRAINING)["restarts"] >= 1
    assert home.status()["supervisor"] == supervisor
    assert home.call("GET", f"/jobs/{job}")["status"] == "Running"
    home.call("POST", f"/jobs/{job}/cancel")
    (home.manifests / "kdcluster-newcomer.yaml").unlink()
    eventually(lambda: "newcomer" not in [m["cluster"] for m in home.status()["members"]])
    said = (home.path / "run" / "supervisor.log").read_text()
    assert said.count(f"Trouble writing {home.folder(TRAINING)}/member.json") == 1
    assert f"No more trouble writing {home.folder(TRAINING)}/member.json." in said


def test_an_engine_without_room_says_so_in_the_status(home: RunningHome) -> None:
    with disk_space(home.member(TRAINING)["pid"]):
        member = home.wait(TRAINING, "Starting")
        assert "The project repository cannot be written (" in member["reason"]
    assert "cannot be written" not in (home.wait(TRAINING)["reason"] or "")


def test_a_moment_without_file_handles_stops_nothing(home: RunningHome) -> None:
    before = home.member(TRAINING)
    with file_handles(home.status()["supervisor"]):
        home.edit(NOTEBOOK, lambda spec: spec.update(connections={"clusters": []}))
        time.sleep(2)
    eventually(lambda: home.connections().clusters == ())
    home.edit(NOTEBOOK, lambda spec: spec.update(connections={"clusters": [TRAINING]}))
    eventually(lambda: len(home.connections().clusters) == 1)
    assert home.member(TRAINING) == before


def test_a_configmeta_json_that_is_spoilt_or_deleted_is_written_again(home: RunningHome) -> None:
    before, record = home.member(TRAINING), home.folder(TRAINING) / "configmeta.json"
    good = record.read_text()
    for spoilt in ("é" + good, "", good[:100], None):
        record.unlink()
        if spoilt is not None:
            record.write_text(spoilt, encoding="latin-1")
        found = eventually(lambda: record.exists() and (t := record.read_bytes()) and whole(t))
        # What the tests before have changed may still be on its way.
        assert found["cluster"] == json.loads(good)["cluster"]
    assert home.member(TRAINING) == before


def whole(content: bytes) -> Any:
    """Return the content of a configmeta.json; None where it is none."""
    try:
        return json.loads(content)
    except ValueError:
        return None


def test_what_is_not_ours_is_told_and_not_started(home: RunningHome) -> None:
    """A kdapp and a kdcluster of somebody else's, of which one has another shape."""
    app = yaml.safe_load((home.manifests / "kdapp-training-engine.yaml").read_text())
    app["metadata"]["name"] = "spark"
    app["spec"]["distroID"] = "bluedata/spark"
    cluster = yaml.safe_load((home.manifests / f"kdcluster-{TRAINING}.yaml").read_text())
    cluster["metadata"]["name"] = "spark-instance"
    cluster["spec"]["app"] = "spark"
    bare = {**app, "metadata": {"name": "bare"}, "spec": {}}
    written = [home.manifests / f"foreign-{number}.yaml" for number in range(3)]
    for path, manifest in zip(written, (app, cluster, bare), strict=True):
        path.write_text(yaml.safe_dump(manifest))
    home.edit(NOTEBOOK, lambda spec: spec["connections"]["clusters"].append("spark-instance"))
    told = "spark-instance: bluedata/spark is an app that cannot run on one machine"
    eventually(lambda: told in supervisor_log(home))
    eventually(lambda: "kdapp 'bare' needs spec.distroID" in supervisor_log(home))
    eventually(lambda: len(home.connections().clusters) == 2)
    assert not home.connections().cluster("spark-instance").api_endpoints()
    assert not (home.path / "run" / "spark-instance").exists()
    home.edit(NOTEBOOK, lambda spec: spec["connections"]["clusters"].remove("spark-instance"))
    for path in written:
        path.unlink()


def test_a_manifest_that_is_torn_while_it_is_edited_stops_nothing(home: RunningHome) -> None:
    path = home.manifests / f"kdcluster-{TRAINING}.yaml"
    before, whole = home.member(TRAINING), path.read_text()
    path.write_text(whole[: len(whole) // 2] + "\n  - [")
    eventually(lambda: "what it said before stays in force" in supervisor_log(home))
    path.write_text(whole)
    assert home.member(TRAINING) == before
    path.write_text("")  # as it is before an editor writes it
    eventually(lambda: "it is empty; delete the file to take off" in supervisor_log(home))
    path.write_text(whole)
    assert home.member(TRAINING) == before


def test_a_proxy_in_the_environment_gets_nothing(new_home: Callable[..., RunningHome]) -> None:
    asked: list[bytes] = []
    with proxy(asked) as url:
        home = new_home()
        names = ("HTTP_PROXY", "http_proxy", "ALL_PROXY")
        home.environment |= dict.fromkeys(names, url)
        home.environment |= {"no_proxy": "", "NO_PROXY": "", "KUBECONFIG": os.devnull}
        home.up()
        assert home.kd("doctor").returncode == 0
    assert asked == []


def started_by(supervisor: int) -> list[psutil.Process]:
    """Return a supervisor's living members."""
    return [p for p in psutil.Process(supervisor).children() if p.status() != "zombie"]


def supervisor_log(home: RunningHome) -> str:
    return (home.path / "run" / "supervisor.log").read_text()


@contextmanager
def proxy(asked: list[bytes]) -> Iterator[str]:
    """Listen in an HTTP proxy's place, and keep what it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        asked.append(connection.recv(4096))
                        connection.sendall(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
