"""What a user installs: one package that brings the sidebar along, where Node does not exist."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import requests

from tests.free_port import free_port
from tests.installed import Installed, lab_kernel
from tests.kd_engines.running_server import eventually

ROOT = Path(__file__).resolve().parents[1]
FRONTEND = ROOT / "jupyter_extension" / "frontend"
LOCK = json.loads((FRONTEND / "package-lock.json").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOGIN = "c" * 32
TRIPS = "miles,minutes\n" + "".join(f"{miles},{3 * miles}\n" for miles in range(1, 20))
TRAIN = """%%trainingengineinstance --wait
import csv, json, pathlib
with open("data/trips.csv") as file:
    trips = list(csv.DictReader(file))
rate = sum(float(t["minutes"]) for t in trips) / sum(float(t["miles"]) for t in trips)
pathlib.Path("models/rides.json").write_text(json.dumps(rate))
pathlib.Path("code/rides.py").write_text('import json\\n'
    'def load(path): return json.load(open(path))\\n'
    'def predict(model, args): return round(model * args["miles"])\\n')
print(len(trips), "trips")
"""
FIT = """
import joblib
from sklearn.linear_model import LinearRegression

joblib.dump(LinearRegression().fit([[1], [2]], [3, 6]), "models/line.joblib")
"""
# As docs/how-to.md does.
ASK = """
engine=.kd-magics/run/deployment-engine-instance/RESTServer-1/member.json
TOKEN=$(python -c "import json; print(json.load(open('$engine'))['token'])")
PORT=$(python -c "import json; print(json.load(open('$engine'))['port'])")
curl --silent --show-error --fail -H "X-Auth-Token: $TOKEN" \\
  -H "Content-Type: application/json" -d '{"use_scoring": true, "scoring_args": {"miles": 4}}' \\
  http://127.0.0.1:$PORT/rides/1/predict
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install what a user would, from an sdist, without Node and without extras."""
    folder = tmp_path_factory.mktemp("packaging")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    line = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)]
    subprocess.run(line, cwd=ROOT, env={**os.environ, "PATH": path}, check=True)
    (sdist,) = folder.glob("*.tar.gz")
    fresh = Installed(folder / "environment", sdist)
    subprocess.run([sys.executable, "-m", "venv", str(fresh.folder)], check=True)
    assert shutil.which("node", path=fresh.environment["PATH"]) is None
    fresh.install()
    return fresh


@pytest.fixture(scope="module")
def installed(plain: Installed) -> Installed:
    """Add JupyterLab."""
    plain.install("lab")
    return plain


@pytest.fixture
def server(installed: Installed) -> Iterator[str]:
    """Start that environment's JupyterLab, as a user would; return its URL."""
    line = [str(installed.folder / "bin" / "jupyter-lab"), "--no-browser", "--allow-root"]
    line += ["--ip=127.0.0.1", f"--port={free_port()}", "--ServerApp.port_retries=0"]
    line += [f"--IdentityProvider.token={LOGIN}"]
    process = subprocess.Popen(line, cwd=installed.home, env=installed.environment)
    runtime = installed.home / ".local" / "share" / "jupyter" / "runtime"

    def url() -> str | None:
        assert process.poll() is None
        try:
            port = json.loads((runtime / f"jpserver-{process.pid}.json").read_text())["port"]
            root = f"http://127.0.0.1:{port}/"
            return root if requests.get(root + "api", timeout=5).ok else None
        except (OSError, ValueError):
            return None

    yield eventually(url, 60)
    process.terminate()
    process.wait(20)


def test_package_and_sidebar_have_one_version() -> None:
    assert json.loads((FRONTEND / "package.json").read_text())["version"] == PROJECT["version"]
    assert LOCK["version"] == LOCK["packages"][""]["version"] == PROJECT["version"]


def test_the_lock_says_what_and_not_where_from() -> None:
    for name, package in LOCK["packages"].items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name
    assert "ignore-scripts=true" in (FRONTEND / ".npmrc").read_text().splitlines()
    assert "registry=" not in (FRONTEND / ".npmrc").read_text()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_plain_install_has_the_client_commands(plain: Installed) -> None:
    code = "from importlib.util import find_spec; print(find_spec('uvicorn'))"
    assert plain.run("python", "-c", code) == "None\n"
    assert "No model is registered yet." in plain.run("kd", "models")
    assert " jobs " in plain.run("kd", "--help")
    assert "pip install 'kd-magics[engines]'" in plain.fails("kd", "up")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_sdist_has_the_sidebars_sources_and_what_is_built_of_them(installed: Installed) -> None:
    with tarfile.open(installed.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "jupyter_extension/frontend/src/index.ts",
        "jupyter_extension/frontend/package-lock.json",
        "jupyter_extension/frontend/hatch_build.py",
        "jupyter_extension/labextension/package.json",
        "jupyter_extension/labextension/static/style.js",
    } <= names
    assert [name for name in names if "node_modules" in name or "/frontend/lib/" in name] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_installed_package_has_the_sidebar_and_none_of_its_sources(installed: Installed) -> None:
    shared = installed.folder / "share" / "jupyter" / "labextensions" / "kd-magics"
    config = installed.folder / "etc" / "jupyter" / "jupyter_server_config.d" / "kd_magics.json"
    for path in (shared / "package.json", shared / "static" / "style.js", config):
        assert path.is_file(), path
    told = json.loads((shared / "install.json").read_text())
    assert (told["packageManager"], told["packageName"]) == ("python", "kd-magics")
    (package,) = installed.folder.glob("lib/*/site-packages/jupyter_extension")
    assert not (package / "frontend").exists()
    assert [path for path in package.rglob("*") if path.suffix in (".ts", ".tsx")] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_jupyter_finds_both_halves_enabled(installed: Installed) -> None:
    version = re.escape(PROJECT["version"])
    labs = installed.run("jupyter-labextension", "list")
    assert re.search(rf"kd-magics v{version} enabled +OK \(python, kd-magics\)", labs), labs
    servers = installed.run("jupyter-server", "extension", "list")
    assert "jupyter_extension enabled" in servers
    assert re.search(r"jupyter_extension\s+OK", servers), servers


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_its_jupyterlab_answers_the_sidebar(server: str) -> None:
    authorized = {"Authorization": f"token {LOGIN}"}
    about = requests.get(server + "kd-magics/about", headers=authorized, timeout=30)
    assert about.status_code == 200, about.text
    assert about.json()["version"] == PROJECT["version"]
    page = requests.get(server + "lab", headers=authorized, timeout=30).text
    (entry,) = re.findall(r'"load": ?"(static/remoteEntry[^"]+)"[^{}]*"name": ?"kd-magics"', page)
    script = requests.get(f"{server}lab/extensions/kd-magics/{entry}", timeout=30)
    assert script.status_code == 200
    assert "kd-magics" in script.text


@pytest.fixture(scope="module")
def running(installed: Installed) -> Iterator[Installed]:
    """Add the engines, and start all with JupyterLab in the user's folder."""
    installed.install("lab", "engines")
    (installed.home / "mine").mkdir()
    told = installed.shell("cd mine && kd up --lab --detach")
    assert "JupyterLab of jupyter-notebook: http://127.0.0.1:" in told
    yield installed
    assert "Everything is stopped." in installed.run("kd", "down")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_from_an_empty_home_to_an_answer_of_ones_own_model(running: Installed) -> None:
    """A CSV is dragged into the file browser; the cells run in the JupyterLab of `kd up`."""
    record = running.home / ".kd-magics/run/jupyter-notebook/controller-1/member.json"
    member = json.loads(record.read_text())
    url = f"http://127.0.0.1:{member['port']}"
    upload = {"type": "file", "format": "text", "content": TRIPS}
    answer = requests.put(
        f"{url}/api/contents/project_repo/data/trips.csv",
        headers={"Authorization": f"token {member['token']}"},
        json=upload,
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    with lab_kernel(url, member["token"]) as kernel:
        assert "trainingengineinstance" in kernel.run("%attachments")
        assert "19 trips" in kernel.run(TRAIN)
        kernel.run("%register rides --path models/rides.json --scoring code/rides.py")
        assert "rides/1 is ready" in kernel.run("%deploy rides/1")
        assert kernel.run('%predict rides/1 {"miles": 4}') == "12"
    assert json.loads(running.shell(ASK))["result"] == 12


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_jupyterlab_of_ones_own_finds_it_all(running: Installed, server: str) -> None:
    (running.home / "more.csv").write_text(TRIPS)
    with lab_kernel(server.rstrip("/"), LOGIN) as kernel:
        kernel.run("%load_ext kd_magics")
        assert "repo://project_repo/data/more.csv" in kernel.run("%put more.csv")
        assert "19 trips" in kernel.run(TRAIN.replace("trips.csv", "more.csv"))
        kernel.run("%register own --path models/rides.json --scoring code/rides.py")
        kernel.run("%deploy own/1")
        assert kernel.run('%predict own/1 {"miles": 4}') == "12"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_notebook_without_a_front_end_does_too(running: Installed) -> None:
    cells = ["%load_ext kd_magics", "%put nb.csv", TRAIN.replace("trips.csv", "nb.csv")]
    cells += ["%register nb --path models/rides.json --scoring code/rides.py", "%deploy nb/1"]
    cells += ['%predict nb/1 {"miles": 4}']
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    (running.home / "nb.csv").write_text(TRIPS)
    nbformat.write(notebook, running.home / "nb.ipynb")
    running.run("jupyter-execute", "--inplace", "nb.ipynb")
    *_, last = nbformat.read(running.home / "nb.ipynb", 4).cells
    assert [output.data["text/plain"] for output in last.outputs] == ["12"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_with_the_other_extras_a_model_needs_no_script(running: Installed) -> None:
    running.install("lab", "engines", "formats", "example")
    running.run("kd", "down")
    running.run("kd", "up", "--detach")
    (running.home / "fit.py").write_text(FIT)
    running.run("kd", "train", "fit.py", "--wait")
    running.run("kd", "register", "line", "--path", "models/line.joblib")
    running.run("kd", "deploy", "line/1")
    assert running.run("kd", "predict", "line/1", "[[4]]") == "[12.0]\n"
    told = running.run("kd", "deployments", "--json")
    assert "compiled" in told
    assert "not compiled" not in told


@pytest.mark.slow
def test_a_half_made_environment_is_made_again(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    subprocess.run(["make", ".venv/ready"], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run([str(python), "-m", "pip", "--version"], check=True, capture_output=True)


def test_the_readme_has_each_extra_of_a_user() -> None:
    table = re.findall(r"^\| `\[(\w+)\]` \|", (ROOT / "README.md").read_text(), re.M)
    assert set(table) == PROJECT["optional-dependencies"].keys() - {"test"}


def test_set_up_installs_every_extra_that_it_names() -> None:
    """`make demo` of a clone has what the notebook needs; a rule passes on all its extras."""
    told = subprocess.run(
        ["make", "-n", "-B", ".venv/demo"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    (named,) = re.findall(r"\$\(call install,(.*example.*)\)", (ROOT / "Makefile").read_text())
    assert f".[{named}]" in told
