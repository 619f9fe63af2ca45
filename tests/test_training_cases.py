"""Small inputs that went wrong once, as jobs on a `kd up` as a user has it: each has its answer."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.kd_engines.local.running_home import RunningHome
from tests.kd_engines.running_server import eventually

pytestmark = pytest.mark.slow


class Trained:
    """Files as jobs of a running home, sent by `kd train`."""

    def __init__(self, home: RunningHome, folder: Path) -> None:
        self.home, self.folder = home, folder

    def train(self, code: str, *options: str, name: str = "cell.py") -> str:
        """Send a file and wait for its end; return what `kd` printed below the first line."""
        (self.folder / name).write_text(code)
        done = self.home.kd("train", str(self.folder / name), "--wait", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.partition("\n")[2].removesuffix("Job Status: Finished\n")

    def cell(self, code: str, **fields: Any) -> tuple[dict[str, Any], str]:
        """Send code as a notebook's cell does; return the job when it has ended, and its log."""
        job = self.home.call("POST", "/jobs", {"code": code, **fields})["id"]
        ended = eventually(lambda: (j := self.home.call("GET", f"/jobs/{job}"))["ended"] and j)
        return ended, self.home.kd("logs", str(job)).stdout.partition("\n")[2]

    def outputs(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what a job has shown, which must be valid nbformat."""
        found = self.home.call("GET", f"/jobs/{job['id']}/outputs")["outputs"]
        for one in found:
            cell = nbformat.v4.new_code_cell(outputs=[nbformat.from_dict(one["output"])])
            nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
        return [one["output"] for one in found]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    home = RunningHome(tmp_path_factory.mktemp("kd") / "home")
    home.up()
    yield Trained(home, tmp_path_factory.mktemp("user"))
    home.kd("down")
    assert home.processes() == []


def test_a_display_id_has_a_handle(trained: Trained) -> None:  # 13
    code = (
        "from IPython.display import HTML, display\n"
        "handle = display(HTML('<b>0</b>'), display_id=True)\n"
        "for step in range(3):\n    handle.update(HTML(f'<b>{step}</b>'))\nprint('done')"
    )
    job, log = trained.cell(code)
    assert job["status"] == "Finished"
    assert log.endswith("done\n")
    assert [o["data"]["text/html"] for o in trained.outputs(job)][-1] == "<b>2</b>"


@pytest.mark.parametrize(  # 14
    "code",
    [
        "class Odd:\n    def __repr__(self): raise ValueError('no repr')\n"
        "score = 5\ndisplay(Odd())\nprint('goes on')\nOdd()",
        "class Odd:\n    def __getattr__(self, name): raise RuntimeError(name)\n"
        "score = 5\ndisplay(Odd())\nprint('goes on')",
    ],
)
def test_an_object_that_cannot_be_shown_ends_nothing(trained: Trained, code: str) -> None:
    job, log = trained.cell(code, outputs=["score"])
    assert job["status"] == "Finished"
    assert "goes on\n" in log
    value = trained.home.call("GET", f"/jobs/{job['id']}/values/score")
    assert base64.b64decode(value["data"]) == b"5"


@pytest.mark.parametrize(  # 16
    "code",
    [
        "class Report:\n    def _repr_json_(self): return {'loss': float('nan')}\n"
        "print('trained')\nReport()",
        "display({'application/json': {'v': float('inf')}, 'text/plain': 'report'}, raw=True)\n"
        "print('trained')",
    ],
)
def test_an_output_with_nan_spoils_no_log(trained: Trained, code: str) -> None:
    job, log = trained.cell(code)
    assert "trained\n" in log
    [output] = trained.outputs(job)
    assert [*output["data"]["application/json"].values()] == [None]


@pytest.mark.parametrize(  # 19
    ("code", "shown"),
    [
        (
            "from bokeh.plotting import figure, output_notebook, show\noutput_notebook()\n"
            "plot = figure()\nplot.line([1, 2], [3, 4])\nshow(plot)",
            "vnd.bokehjs_exec",
        ),
        (
            "import plotly.graph_objects as go\ngo.Figure(go.Scatter(y=[1, 2, 3])).show()",
            "newPlot",
        ),
        (
            "from IPython.display import publish_display_data\n"
            "publish_display_data({'text/html': '<b>x</b>', 'text/plain': 'x'})",
            "<b>x</b>",
        ),
    ],
)
def test_what_libraries_show_is_shown(trained: Trained, code: str, shown: str) -> None:
    job, _ = trained.cell(code)
    assert job["status"] == "Finished"
    assert shown in json.dumps(trained.outputs(job))


def test_params_are_python_s(trained: Trained) -> None:  # 21
    code = 'print("shuffled" if shuffle else "in order", type(shuffle).__name__)'
    assert trained.train(code, "--param", "shuffle=False") == "in order bool\n"
    assert (
        trained.train("print(lr * 2, x)", "--param", "lr=.1", "--param", "x=None") == "0.2 None\n"
    )
    done = trained.home.kd("train", str(trained.folder / "cell.py"), "--param", "lr={a: 1}")
    assert "is neither JSON nor a Python literal" in done.stderr


def test_what_looks_like_a_number_is_exported_as_text(trained: Trained) -> None:  # 23
    home = trained.home
    (home.repository / "models" / "num").write_text("5")
    (home.repository / "code" / "num.py").write_text("def predict(m, a):\n    return 1\n")
    for version in ("08", "1e3", "0340914"):
        words = ("--version", version, "--path", "models/num", "--scoring", "code/num.py")
        done = home.kd("register", "num", *words, "--description", version)
        assert done.returncode == 0, done.stderr
    exported = home.kd("export").stdout
    for version in ("08", "1e3", "0340914"):
        assert f"model-version: '{version}'\n" in exported
        assert f"description: '{version}'\n" in exported


def test_a_file_is_a_script_run(trained: Trained) -> None:  # 26
    where = "from pathlib import Path\nprint(Path(__file__).resolve().name)\n"
    assert trained.train(where, name="where.py") == "where.py\n"
    spawn = (
        "import multiprocessing as mp\ndef square(x):\n    return x * x\n"
        "if __name__ == '__main__':\n    with mp.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map_async(square, [2]).get(timeout=15))\n"
    )
    assert trained.train(spawn, name="spawn.py") == "[4]\n"
    cells = [{"cell_type": "code", "source": ["print(1)"], "metadata": {}, "outputs": []}]
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    assert trained.train(notebook, name="notebook.ipynb") == "1\n"


def test_requirements_files_of_windows_and_pip_compile(trained: Trained) -> None:  # 27
    for content in (
        "pandas\r\nnumpy\r\n".encode("utf-16"),
        b"\xef\xbb\xbfpandas\n",
        b"pandas \\\n  >=2\n",
    ):
        (trained.folder / "requirements.txt").write_bytes(content)
        requirements = ("--requirements", str(trained.folder / "requirements.txt"))
        assert trained.train("print(1)", *requirements) == "1\n"


def test_a_task_in_the_background_is_waited_for(trained: Trained) -> None:  # 34
    code = (
        "import asyncio\nasync def work():\n    print('work done')\n"
        "task = asyncio.create_task(work())"
    )
    job, log = trained.cell(code)
    assert (job["status"], log) == ("Finished", "work done\n")


def test_a_json_manifest_with_an_emoji(trained: Trained, tmp_path: Path) -> None:  # 36
    home = trained.home
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "emoji-1", "labels": {"kubedirector.hpe.com/cmType": "model"}},
        "data": {
            **{"name": "emoji", "model-version": "1", "description": "Taxi 🚕 model"},
            **{"path": "repo://project_repo/models/num"},
            "scoring-path": "repo://project_repo/code/num.py",
        },
    }
    (home.repository / "models" / "num").write_text("5")
    (home.repository / "code" / "num.py").write_text("def predict(m, a):\n    return 1\n")
    (home.manifests / "emoji.json").write_text(json.dumps(manifest))
    assert "Taxi 🚕 model" in home.kd("models", "--json").stdout
    stream = tmp_path / "out.yaml"
    assert home.kd("export", "-o", str(stream)).returncode == 0
    assert "Taxi 🚕 model" in stream.read_text()
    other = RunningHome(tmp_path / "other")
    done = other.kd("import", str(home.manifests / "emoji.json"))
    assert "1 written" in done.stdout, done.stderr
    assert "Taxi 🚕 model" in other.kd("models", "--json").stdout
    (home.manifests / "emoji.json").unlink()
