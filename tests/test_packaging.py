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
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.free_port import free_port
from tests.kd_engines.running_server import eventually

ROOT = Path(__file__).resolve().parents[1]
FRONTEND = ROOT / "jupyter_extension" / "frontend"
LOCK = json.loads((FRONTEND / "package-lock.json").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOGIN = "c" * 32


@dataclass
class Installed:
    """A fresh environment with the sdist and its extra `lab` in it, and no other PATH."""

    folder: Path
    sdist: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of a user of it, whose home is empty."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("KD_", "PYTHON", "JUPY"))}
        home, cache = self.folder / "home", Path("~/.cache/pip").expanduser()
        home.mkdir(exist_ok=True)
        kept.setdefault("PIP_CACHE_DIR", str(cache))
        return kept | {"PATH": str(self.folder / "bin"), "HOME": str(home)}

    def run(self, command: str, *arguments: str) -> str:
        """Run a command of the environment, which must succeed; return what it prints."""
        done = subprocess.run(
            [str(self.folder / "bin" / command), *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return re.sub(r"\x1b\[\d+m", "", done.stdout)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install what a user would, from an sdist, without Node."""
    folder = tmp_path_factory.mktemp("packaging")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    line = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)]
    subprocess.run(line, cwd=ROOT, env={**os.environ, "PATH": path}, check=True)
    (sdist,) = folder.glob("*.tar.gz")
    fresh = Installed(folder / "environment", sdist)
    subprocess.run([sys.executable, "-m", "venv", str(fresh.folder)], check=True)
    assert shutil.which("node", path=fresh.environment["PATH"]) is None
    fresh.run("python", "-m", "pip", "install", "--quiet", "--no-compile", f"{sdist}[lab]")
    return fresh


@pytest.fixture
def server(installed: Installed) -> Iterator[str]:
    """Start that environment's JupyterLab, as a user would; return its URL."""
    line = [str(installed.folder / "bin" / "jupyter-lab"), "--no-browser", "--allow-root"]
    line += ["--ip=127.0.0.1", f"--port={free_port()}", "--ServerApp.port_retries=0"]
    line += [f"--IdentityProvider.token={LOGIN}"]
    process = subprocess.Popen(line, cwd=installed.folder, env=installed.environment)
    runtime = installed.folder / "home" / ".local" / "share" / "jupyter" / "runtime"

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
def test_its_commands_work_without_the_engines(installed: Installed) -> None:
    code = "from importlib.util import find_spec; print(find_spec('uvicorn'))"
    assert installed.run("python", "-c", code) == "None\n"
    assert "No model is registered yet." in installed.run("kd", "models")
    assert " jobs " in installed.run("kd", "--help")


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
