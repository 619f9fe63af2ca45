"""Packages that a job asks for are there when its code runs, or it says why not."""

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kd_engines.training import requirements
from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine

NO_INDEX = {"PIP_NO_INDEX": "1"}


def write_wheel(folder: Path, name: str, version: str, code: str) -> None:
    """Write a wheel of one module."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{path},sha256={_hash(content.encode())},{len(content)}" for path, content in files.items()
    ]
    record = "\n".join([*rows, f"{info}/RECORD,,"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, content in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, content)


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment variables by which pip finds wheels of this test, and nothing else."""
    folder = tmp_path_factory.mktemp("wheels")
    write_wheel(folder, "kd_tiny", "1.0", "answer = 42")
    write_wheel(folder, "kd_tiny", "2.0", "answer = 43")
    write_wheel(folder, "msgspec", "99.0", "marker = 'of the job'")
    return {"PIP_FIND_LINKS": str(folder), **NO_INDEX}


def environments(engine: RunningEngine) -> list[str]:
    """Return the names of all environments, half-filled ones too."""
    folder = engine.repository / "misc" / CLUSTER / "environments"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.slow
def test_a_required_package_is_installed_once_for_all_jobs(
    engine: RunningEngine, wheels: dict[str, str]
) -> None:
    code = "import kd_tiny; print(kd_tiny.answer)"
    asked = {"requirements": ["kd_tiny<2"], "env": wheels}
    job, log = engine.run(code, **asked)
    assert job["status"] == "Finished", log
    assert "Successfully installed kd_tiny-1.0" in log
    assert log.endswith("\n42\n")
    assert job["requirements"] == ["kd_tiny<2"]
    made = environments(engine)
    _, again = engine.run(code, **asked)
    assert again == "42\n"
    assert environments(engine) == made
    _, other = engine.run(code, requirements=["kd_tiny"], env=wheels)
    assert other.endswith("\n43\n")


@pytest.mark.slow
def test_two_jobs_at_once_share_what_one_of_them_installs(
    engine: RunningEngine, wheels: dict[str, str]
) -> None:
    before = environments(engine)
    code = "import kd_tiny; print('has', kd_tiny.answer)"
    jobs = [engine.submit(code, requirements=["kd_tiny==2.0"], env=wheels) for _ in range(2)]
    for job in jobs:
        assert engine.wait(job["id"])["status"] == "Finished"
        assert engine.log(job["id"]).endswith("has 43\n")
    assert len(environments(engine)) == len(before) + 1


@pytest.mark.slow
def test_it_comes_before_the_engines_packages_and_reaches_processes_of_the_job(
    engine: RunningEngine, wheels: dict[str, str]
) -> None:
    code = (
        "import msgspec, subprocess, sys\nprint(msgspec.marker)\n"
        "subprocess.run([sys.executable, '-c', 'import msgspec; print(msgspec.marker)'])"
    )
    _, log = engine.run(code, requirements=["msgspec==99.0"], env=wheels)
    assert "\nof the job\nof the job\n" in log


def test_what_the_engine_has_is_not_installed(engine: RunningEngine) -> None:
    before = environments(engine)
    asked = ["pytest>=7", "kd-magics[engines]", 'none-such; python_version < "3"']
    job, log = engine.run("print('ran')", requirements=asked, env=NO_INDEX)
    assert (job["status"], log) == ("Finished", "ran\n")
    assert environments(engine) == before


@pytest.mark.slow
def test_a_package_that_cannot_be_installed_fails_the_job_by_name(
    engine: RunningEngine, wheels: dict[str, str]
) -> None:
    before = environments(engine)
    asked = ["kd_tiny==1.0", "kd_none>3"]
    job, log = engine.run("print('ran')", requirements=asked, env=wheels)
    assert (job["status"], job["exit_code"]) == ("Failed", 1)
    last = "The requirement kd_none>3 could not be installed; pip's reason is above."
    assert log.splitlines()[-1] == last
    assert "No matching distribution found for kd_none>3" in log
    assert environments(engine) == before


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["six"] * 51, "at most 50"),
        (["--index-url=https://example.org six"], "options"),
        (["./local"], "paths"),
        (["local @ file:///tmp/local.whl"], "https"),
        (["local @ https://user:secret@example.org/x.whl"], "https"),
        (["six" + " " * 300], "300"),
    ],
)
def test_what_is_no_requirement_is_refused(
    engine: RunningEngine, asked: list[str], told: str
) -> None:
    answer = engine.call("POST", "/jobs", json={"code": "pass", "requirements": asked})
    assert answer.status_code == 422
    assert told in answer.json()["error"]["message"]
    assert "secret" not in answer.text


def test_extras_and_versions_count_for_what_is_there() -> None:
    assert requirements.missing(["kd-magics[engines]", "pytest<1000"]) == []
    assert requirements.missing(["pytest>=1000", "no-such-package"]) == [
        "pytest>=1000",
        "no-such-package",
    ]
    assert requirements.missing(["requests[socks]"]) == ["requests[socks]"]


def test_a_python_without_pip_is_told(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pip'] = None\n"
        "from kd_engines.training.job.packages import provide\n"
        "print(provide(['kd-none'], sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "jobs" / "1")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "kd-none are not there" in done.stdout
    assert "has no pip" in done.stdout
