"""docs/how-to.md, block by block, against a real `kd up`."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kd_engines.local.running_home import RunningHome
from tests.kd_magics.running_notebook import Notebook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
TEXT = (Path(__file__).resolve().parents[1] / "docs" / "how-to.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)\n```$", TEXT, re.M | re.S)
TRIPS = "miles,minutes\n" + "".join(f"{miles},{3 * miles + 2}\n" for miles in range(1, 20))
# What a block shows, by how it begins.
SHOWN = {
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


def test_every_block_does_what_it_says(user: RunningHome, tmp_path: Path) -> None:
    notebook = Notebook(tmp_path / "configmeta.json")
    seen = set()
    try:
        for kind, block in BLOCKS:
            if kind == "sh":
                done = subprocess.run(
                    ["sh", "-e", "-c", block], capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stderr
                if "curl" in block:
                    assert json.loads(done.stdout)["result"] == {"minutes": 14.0, "is_long": False}
                continue
            shown = notebook.good(block)
            for begin, what in SHOWN.items():
                if block == begin or (begin.startswith("%%") and block.startswith(begin)):
                    assert what in shown.everything, block
                    seen.add(begin)
    finally:
        notebook.close()
    assert seen == SHOWN.keys()
    assert shutil.which("curl")
