"""Several notebooks on one engine: JupyterLab runs for each, behind a password of its own."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from kd_engines.lab import repository_shown
from tests.kd_engines.local.running_home import NOTEBOOK, TRAINING, RunningHome
from tests.kd_engines.running_server import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def kernel(url: str, password: str) -> dict[str, Any]:
    """Return what a JupyterLab tells of its Python kernel."""
    session = requests.Session()
    token = re.search(r'name="_xsrf" value="([^"]+)"', session.get(f"{url}/login", timeout=30).text)
    assert token
    session.post(f"{url}/login", data={"_xsrf": token[1], "password": password}, timeout=30).close()
    found = session.get(f"{url}/api/kernelspecs", timeout=30).json()["kernelspecs"]
    return dict(found["python3"])


def test_the_project_repository_is_in_the_file_browser(
    new_home: Callable[..., RunningHome], tmp_path: Path
) -> None:
    home = new_home()
    root = tmp_path / "mine"
    root.mkdir()
    home.up("--lab", "--lab-root", str(root))
    url = home.wait(NOTEBOOK)["url"]
    token = home.connections(NOTEBOOK).own.endpoints[0].token
    headers = {"Authorization": f"token {token}"}
    contents = f"{url}/api/contents/project_repo"
    listed = requests.get(contents, headers=headers, timeout=30).json()["content"]
    assert {entry["name"] for entry in listed} >= {"data", "code", "models"}
    upload = {"type": "file", "format": "text", "content": "miles\n1\n"}
    answer = requests.put(f"{contents}/data/trips.csv", json=upload, headers=headers, timeout=30)
    assert answer.status_code == 201, answer.text
    assert (home.repository / "data" / "trips.csv").read_text() == "miles\n1\n"
    home.kd("down")
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("name", [".", "project_repo/data"])
def test_nothing_is_linked_into_itself(tmp_path: Path, name: str) -> None:
    repository = tmp_path / "project_repo"
    (repository / "data").mkdir(parents=True)
    with repository_shown(tmp_path / name, repository):
        assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]


def test_below_a_hidden_folder_it_is_linked_and_a_link_of_others_stays(tmp_path: Path) -> None:
    repository = tmp_path / ".kd-magics" / "project_repo"
    repository.mkdir(parents=True)
    link = tmp_path / "project_repo"
    with repository_shown(tmp_path, repository):
        assert link.resolve() == repository
        with repository_shown(tmp_path, repository):
            pass
        assert link.is_symlink()
    assert not link.is_symlink()


def test_what_has_its_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lab" / "project_repo").mkdir(parents=True)
    (tmp_path / "repository").mkdir()
    with repository_shown(tmp_path / "lab", tmp_path / "repository"):
        assert not (tmp_path / "lab" / "project_repo").is_symlink()
    assert (tmp_path / "lab" / "project_repo").is_dir()


def log_in(url: str, password: str) -> bool:
    """Tell whether a JupyterLab takes a password, as its login page does."""
    session = requests.Session()
    page = session.get(f"{url}/login", timeout=30)
    token = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
    assert token, page.text[:500]
    session.post(f"{url}/login", data={"_xsrf": token[1], "password": password}, timeout=30).close()
    return session.get(f"{url}/api/contents", timeout=30).status_code == 200


def test_each_notebook_has_its_password_and_the_same_engine(
    new_home: Callable[..., RunningHome], tmp_path: Path
) -> None:
    home = new_home()

    def with_password(password: str) -> Callable[[dict[str, object]], None]:
        def change(spec: dict[str, object]) -> None:
            spec["roles"][0]["env"] = [{"name": "JUPYTER_PASSWORD", "value": password}]  # type: ignore[index]

        return change

    home.edit(NOTEBOOK, with_password("ada's word"))
    home.copy(NOTEBOOK, "second-notebook", with_password("ben's word"))
    (tmp_path / "mine.txt").write_text("here")
    home.up("--lab", "--lab-root", str(tmp_path))
    first, second = home.wait(NOTEBOOK)["url"], home.wait("second-notebook")["url"]
    log = home.path / "run" / "supervisor.log"
    eventually(lambda: "Ready. Ctrl-C stops everything." in log.read_text())
    assert f"JupyterLab of {NOTEBOOK}: {first}/lab\n" in log.read_text()
    assert requests.get(f"{first}/api/contents", timeout=30).status_code == 403
    assert log_in(first, "ada's word")
    assert log_in(second, "ben's word")
    assert not log_in(first, "ben's word")
    assert not log_in(second, "ada's word")
    found = kernel(first, "ada's word")
    assert found["spec"]["argv"][1:3] == ["-m", "kd_magics.kernel"]  # no %load_ext is needed
    assert found["resources"]
    engines = [
        home.connections(name).cluster(TRAINING).api_endpoints()
        for name in (NOTEBOOK, "second-notebook")
    ]
    assert engines[0] == engines[1]
    home.kill(home.member(NOTEBOOK)["pid"])
    eventually(lambda: home.member(NOTEBOOK)["restarts"])
    assert home.wait(NOTEBOOK)["url"] == first
    assert log_in(first, "ada's word")
    shown = home.kd("status").stdout + "".join(
        path.read_text() for path in home.path.glob("run/*/*/log")
    )
    assert "'s word" not in shown
