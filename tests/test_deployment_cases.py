"""Small inputs that went wrong once, on a `kd up` as a user has it: each has its right answer."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from kd_client.deployment_client import DeploymentClient
from kd_pipeline.connections import Endpoint
from kd_pipeline.messages import ModelStatus
from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.local.running_home import DEPLOYMENT, RunningHome
from tests.kd_engines.running_server import eventually

pytestmark = pytest.mark.slow
ARGS = "import json, sys\nargs = json.loads(sys.argv[1])\n"
SCRIPTS: dict[str, str | bytes] = {
    "in-place": (
        "import time\ndef predict_batch(model, rows):\n    time.sleep(0.4)\n    for row in rows:\n"
        "        row['miles'] *= 1.609\n    if any(row.get('bad') for row in rows):\n"
        "        raise ValueError('bad row')\n"
        "    return [round(row['miles'], 3) for row in rows]"
    ),
    "mapping": "def predict_batch(model, rows): return {'predictions': [1]}",
    "frame": (
        "import pandas as pd\ndef predict_batch(model, rows):\n"
        "    return pd.DataFrame({'low': [row['miles'] - 1 for row in rows]})"
    ),
    "text": "def predict_batch(model, rows): return '7'",
    "exits": (
        "import sys\ndef predict(model, args):\n"
        "    return sys.exit('negative miles') if args['miles'] < 0 else args['miles']"
    ),
    "draws": ARGS
    + "import numpy as np, scipy.stats\nprint(np.random.rand(), scipy.stats.norm.rvs())",
    "argv": "import ride_arguments\nprint(ride_arguments.ROW['miles'])",
    "audit": ARGS + "file = open('misc/audit.csv', 'a')\nfile.write('5')\nprint(1)",
    "at-exit": ARGS + "import atexit\natexit.register(print, 'done')\nprint(1)",
    "thread": (
        ARGS + "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print(10))).start()"
    ),
    "branch": ARGS + "if args.get('retrain'):\n    import train_again\nprint(args['miles'])",
    "mark": b"\xef\xbb\xbfimport sys\nprint(len(sys.argv))",
    "latin": b"# -*- coding: latin-1 -*-\nprint('dur\xe9e')",
    "cell-class": (
        "import joblib\nclass Halves:\n    def predict(self, miles): return miles / 2\n"
        "def load(path): return joblib.load(path)\n"
        "def predict(model, args): return model.predict(args['miles'])"
    ),
    "async": "def load(path): return 1\nasync def predict(model, args): return 2",
}
HELPERS = {
    "ride_arguments": "import json, sys\nROW = json.loads(sys.argv[1])\n",
    "train_again": "open('misc/trained.txt', 'w').write('trained')\n",
}
TRAINS = (
    "import joblib, sys\nclass Halves:\n    def predict(self, miles): return miles / 2\n"
    "joblib.dump(Halves(), sys.argv[1])"
)


class Deployed:
    """The scripts as models of a running home."""

    def __init__(self, home: RunningHome) -> None:
        self.home, self.misc = home, home.repository / "misc"
        self.client = DeploymentClient(lambda: home.connections().cluster(DEPLOYMENT))

    @property
    def endpoint(self) -> Endpoint:
        return self.home.connections().cluster(DEPLOYMENT).api_endpoints()[0]

    def models(self) -> dict[str, ModelStatus]:
        return {m.name: m for m in self.client.models_at(self.client.members()[0]).models}

    def ask(self, name: str, args: object) -> requests.Response:
        return self.post(name, json.dumps({"use_scoring": True, "scoring_args": args}).encode())

    def post(self, name: str, body: bytes) -> requests.Response:
        headers = {"X-Auth-Token": self.endpoint.token}
        return requests.post(
            f"{self.endpoint.url}/{name}/1/predict", data=body, headers=headers, timeout=30
        )

    def output(self, name: str, **args: object) -> str:
        answer = self.ask(name, args)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["output"])

    def error(self, name: str, args: object, status: int = 500) -> str:
        answer = self.ask(name, args)
        assert answer.status_code == status, answer.text
        return str(answer.json()["error"]["message"])


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    home = RunningHome(tmp_path_factory.mktemp("kd") / "home", deployment=True)
    home.up()
    code, models = home.repository / "code", home.repository / "models"
    for name, source in HELPERS.items():
        (code / f"{name}.py").write_text(source)
    subprocess.run([sys.executable, "-c", TRAINS, str(models / "m")], check=True, timeout=60)
    names = []
    for name, script in SCRIPTS.items():
        path = code / f"{name}.py"
        path.write_bytes(script if isinstance(script, bytes) else script.encode())
        config = ModelConfig(name, "1", str(models / "m"), str(path))
        names.append(config.configmap_name)
        manifest = home.manifests / f"{config.configmap_name}.json"
        manifest.write_text(json.dumps(config.to_manifest()))
    home.edit(DEPLOYMENT, lambda spec: spec.update(connections={"configmaps": names}))
    world = Deployed(home)
    eventually(
        lambda: (
            len(m := world.models()) == len(names)
            and all(one.state in ("Ready", "Failed") for one in m.values())
        ),
        60,
    )
    yield world
    home.kd("down")
    assert home.processes() == []


def test_a_bad_request_changes_nobody_s_answer(deployed: Deployed) -> None:
    with ThreadPoolExecutor(3) as pool:
        pool.submit(deployed.ask, "in-place", {"miles": 1})
        time.sleep(0.1)
        good = pool.submit(deployed.ask, "in-place", {"miles": 10})
        bad = pool.submit(deployed.ask, "in-place", {"miles": 5, "bad": True})
    assert good.result().json()["result"] == 16.09
    assert "ValueError: bad row" in bad.result().json()["error"]["message"]


def test_a_result_is_one_value_a_row_or_an_error_in_words(deployed: Deployed) -> None:
    for name, kind in {"mapping": "dict", "text": "str"}.items():
        for args in ({"miles": 3}, [{"miles": 1}, {"miles": 2}]):
            told = deployed.error(name, args)
            assert f"predict_batch returned {kind}; it must return a list, an array or" in told
    answer = deployed.ask("frame", [{"miles": 1}, {"miles": 2}])
    assert answer.json()["result"] == [{"low": 0}, {"low": 1}]


def test_an_exit_is_one_row_s_error_at_once(deployed: Deployed) -> None:
    began = time.monotonic()
    for _ in range(5):
        assert "SystemExit: negative miles" in deployed.error("exits", {"miles": -3})
    assert deployed.output("exits", miles=4) == "4"
    assert time.monotonic() - began < 2
    assert deployed.models()["exits"].restarts == 0


def test_scripts_of_2020_cannot_tell_their_process(deployed: Deployed) -> None:
    assert len({deployed.output("draws", miles=1) for _ in range(3)}) == 3
    assert deployed.output("argv", miles=1) == "1\n"
    assert deployed.output("audit", miles=5) == "1\n"
    assert (deployed.misc / "audit.csv").read_text() == "5"
    assert deployed.output("at-exit", miles=5) == "1\ndone\n"
    assert deployed.output("thread", miles=5) == "10\n"
    assert deployed.output("branch", miles=1) == "1\n"
    assert not (deployed.misc / "trained.txt").exists()
    assert deployed.output("mark", miles=1) == "2\n"
    assert deployed.output("latin", miles=1) == "durée\n"


def test_a_class_of_the_cell_is_found_and_a_coroutine_refused(deployed: Deployed) -> None:
    assert deployed.output("cell-class", miles=3) == "1.5"
    reason = deployed.models()["async"].reason or ""
    assert "It has async def predict (line 2) instead" in reason


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"use_scoring":true,"scoring_args":{"miles":"caf\xe9"}}', "not UTF-8 text"),
        (b'{"use_scoring":true,"scoring_args":{"miles":NaN}}', "NaN or Infinity"),
        (b'{"use_scoring":true,"scoring_args":{"miles":1e400}}', "out of range"),
    ],
)
def test_a_body_that_is_no_json_is_refused_and_not_kept(
    deployed: Deployed, body: bytes, told: str
) -> None:
    answer = deployed.post("exits", body)
    assert answer.status_code == 422
    assert told in answer.json()["error"]["message"]
    headers = {"X-Auth-Token": deployed.endpoint.token}
    history = requests.get(f"{deployed.endpoint.url}/history", headers=headers, timeout=10)
    json.loads(history.content.decode())


def test_other_methods_and_malformed_hosts(deployed: Deployed) -> None:
    url, headers = deployed.endpoint.url, {"X-Auth-Token": deployed.endpoint.token}
    answer = requests.get(f"{url}/exits/1/predict", headers=headers, timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    answer = requests.post(
        f"{url}/exits/1/predict/", json={"scoring_args": {"miles": 2}}, headers=headers, timeout=10
    )
    assert answer.json()["result"] == 2
    with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=3) as raw:
        raw.sendall(b"POST /exits/1/predict HTTP/1.1\r\nHost: [::1\r\nContent-Length: 0\r\n\r\n")
        with contextlib.suppress(TimeoutError):
            assert raw.recv(100).startswith(b"HTTP/1.1 400 ")


def test_what_its_workers_started_ends_with_kd_down(tmp_path: Path) -> None:
    """Also where the engine had no time for it: processes in sessions of their own."""
    home = RunningHome(tmp_path / "home", deployment=True)
    home.up()
    world = Deployed(home)
    script = home.repository / "code" / "daemon.py"
    script.write_text(
        "import subprocess\nchild = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        "def predict(model, args): return child.pid"
    )
    config = ModelConfig("daemon", "1", str(script), str(script))
    (home.manifests / "daemon-1.json").write_text(json.dumps(config.to_manifest()))
    home.edit(DEPLOYMENT, lambda spec: spec.update(connections={"configmaps": ["daemon-1"]}))
    eventually(lambda: (m := world.models().get("daemon")) and m.state == "Ready")
    assert world.output("daemon")
    supervisor = json.loads((home.path / "run" / "supervisor.json").read_bytes())["pid"]
    engine = home.member(DEPLOYMENT)["pid"]
    home.kill(supervisor)
    home.kill(engine)
    assert home.processes() != []
    home.kd("down")
    assert [process.cmdline() for process in home.processes()] == []
