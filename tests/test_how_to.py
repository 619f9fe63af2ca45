"""docs/tutorial.md and docs/how-to.md, block by block, each against a real `kd up`."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kd_engines.local.running_home import RunningHome
from tests.kd_magics.running_notebook import Notebook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
DOCS = Path(__file__).resolve().parents[1] / "docs"
TRIPS = "miles,minutes\n" + "".join(f"{miles},{3 * miles + 2}\n" for miles in range(1, 20))
# What a block of a page shows, by how it begins.
TUTORIAL = {
    "%attachments": "trainingengineinstance",
    "%put rides.csv": "repo://project_repo/data/rides.csv",
    "%%trainingengineinstance --name rides": "mae=",
    "%jobs --compare": "depth",
    "%register rides --job 1": "Registered rides/1",
    "%deploy rides/1": "rides/1 is ready",
    '%predict rides/1 {"miles": 4, "hour": 7}': "Out[0]: 1",
    '%predict rides/1 {"miles": 4, "hour": 7} --curl': "$TOKEN",
    "%rerun 1": "mae=",
    "%register rides --job 2": "Registered rides/2",
    "%predict rides/champion": ".",
}
HOW_TO = {
    "%attachments": "trainingengineinstance",
    "%put trips.csv": "repo://project_repo/data/trips.csv",
    "%%trainingengineinstance --wait\nimport csv\n\nwith": "19 trips",
    "%predict rides/1 [[4]]": "14.0",
    '%predict rides/2 {"miles": 4}': "{'minutes': 14.0, 'is_long': False}",
    '%predict rides/2 {"miles": 4} --curl': "$TOKEN",
    "%predict rides/champion [[4]]": "14.0",
    "%models": "champion",
}


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHome]:
    """Be a user whose engines run, in a folder with trips."""
    for name in ("KD_CONFIGMETA", "KD_PROJECT_REPO", "KD_REGISTRY", "KD_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    home = RunningHome(tmp_path / ".kd-magics", deployment=True)
    home.up()
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "trips.csv").write_text(TRIPS)
    (folder / "status.json").write_text(home.kd("status", "--json").stdout)
    monkeypatch.chdir(folder)
    yield home
    home.kd("down")


@pytest.mark.parametrize(("page", "shown"), [("tutorial", TUTORIAL), ("how-to", HOW_TO)])
def test_every_block_does_what_it_says(
    user: RunningHome, tmp_path: Path, page: str, shown: dict[str, str]
) -> None:
    text = (DOCS / f"{page}.md").read_text()
    notebook = Notebook(tmp_path / "configmeta.json")
    notebook.good("%load_ext kd_magics")  # as in the JupyterLab of `kd up`
    seen = set()
    try:
        for kind, block in re.findall(r"^```(\w*)\n(.*?)\n```$", text, re.M | re.S):
            if kind == "sh":
                run(block)
            if kind:
                continue
            output = notebook.good(block).everything
            for begin, what in shown.items():
                is_long = begin.startswith(("%%", "%rerun", "%predict rides/champion"))
                if block == begin or (is_long and block.startswith(begin)):
                    assert what in output, block
                    seen.add(begin)
    finally:
        notebook.close()
    assert seen == shown.keys()


def run(script: str) -> None:
    """Run a block of a terminal; what curl asks is answered."""
    done = subprocess.run(["sh", "-e", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if "curl" in script:
        assert json.loads(done.stdout)["result"] == {"minutes": 14.0, "is_long": False}
