"""The README's four cells, and its script and commands, do what the README says they do."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kd_engines.local.running_home import RunningHome
from tests.kd_magics.running_notebook import Notebook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
README = (Path(__file__).resolve().parents[1] / "README.md").read_text()
BLOCK = re.compile(r"```\n(In \[\d\]: .*?)\n```", re.S)
COMMANDS = re.compile(r"```sh\n(kd train .*?)```", re.S)
TRAIN = re.compile(r"TRAIN = '''\n(.*?)'''", re.S)
SCRIPT = re.compile(r"```python\n(.*?)```", re.S)
CELLS = 4


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Open a notebook on engines that begin afresh."""
    home = RunningHome(tmp_path / "home", deployment=True)
    home.up()
    notebook = Notebook(home.surround(monkeypatch))
    yield notebook
    notebook.close()
    home.kd("down")


def cells() -> list[tuple[str, str]]:
    """Return each cell's source and what the README shows below it."""
    found = []
    for block in BLOCK.findall(README):
        lines = block.replace("In [", "   [", 1).splitlines()
        lines[0] = " " * 8 + lines[0][8:]
        last = max(n for n, line in enumerate(lines) if line.startswith(" " * 8))
        source = "\n".join(line[8:] for line in lines[: last + 1])
        found.append((source, "\n".join(lines[last + 1 :]).strip()))
    return found


def told(text: str) -> str:
    """Return a text without what differs from run to run: ports, and how far a job was."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    return re.sub(r"^Job Status: \w+\n?", "", text, flags=re.M).strip()


def test_the_four_cells_print_what_it_says(notebook: Notebook) -> None:
    readme = cells()
    assert len(readme) == CELLS
    for source, expected in readme:
        shown = notebook.good(source)
        tables = [output["text/plain"] for output in shown.outputs]
        text = re.sub(r"^Out\[\d+\]: ", "", shown.text, flags=re.M)
        assert told(expected) in told("\n".join([text, *tables]))


def test_the_script_prints_the_ride(notebook: Notebook, tmp_path: Path) -> None:
    (source,) = (block for block in SCRIPT.findall(README) if "connect()" in block)
    script = tmp_path / "ride.py"
    script.write_text(source)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("2.5\n", "", 0)


@pytest.mark.parametrize("json_tool", ["", " --json | python -m json.tool"])
def test_the_commands_do_the_same(notebook: Notebook, tmp_path: Path, json_tool: str) -> None:
    (commands,) = COMMANDS.findall(README)
    (tmp_path / "quarters.py").write_text(TRAIN.findall(README)[0])
    script = "".join(f"{line}{json_tool}\n" for line in commands.splitlines())
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    if json_tool:
        assert '"result": 2.5' in done.stdout
    else:
        assert done.stdout.endswith("\n2.5\n")
