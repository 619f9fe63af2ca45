"""A job as a notebook: valid whatever the job has printed, and never too large to open."""

import json
from pathlib import Path

import nbformat
import pytest

from jupyter_extension.job_notebook import job_notebook
from kd_client.attached import Attached
from tests.configmeta import configmeta
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine

STRANGE = r"""
import json, os, sys
sys.stdout.buffer.write(b"10%\r100%\n\xff\x00\x1b[31mred\x1b[0m\n")
sys.stdout.flush()
with open(os.environ["KD_JOB_DIR"] + "/outputs.jsonl", "a") as file:
    for output in ({"output_type": "display_data"}, {"output_type": "nonsense"}, {}):
        file.write(json.dumps({"offset": 0, "output": output}) + "\n")
"""


@pytest.fixture
def attached(engine: RunningEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attached:
    """Return a attached to which the engine is connected."""
    path = tmp_path / "configmeta.json"
    path.write_text(json.dumps(configmeta(clusters={CLUSTER: [(engine.url, TOKEN)]})))
    monkeypatch.setenv("KD_CONFIGMETA", str(path))
    return Attached()


def written(attached: Attached, job: int) -> tuple[str, nbformat.NotebookNode]:
    name, content = job_notebook(attached, CLUSTER, job)
    notebook = nbformat.reads(content.decode(), as_version=4)
    nbformat.validate(notebook)
    return name, notebook


def test_outputs_that_are_none_of_jupyters_are_left_out(
    attached: Attached, engine: RunningEngine
) -> None:
    job = engine.submit(STRANGE, name="../a b/`c`", params={"text": "`\n# x"})["id"]
    engine.wait(job)
    name, notebook = written(attached, job)
    assert name == f"{CLUSTER}-{job}-a-b-c.ipynb"
    told, cell = notebook.cells
    assert "3 outputs are left out" in told.source
    assert told.source.startswith(f"# Job {CLUSTER}/{job}: ../a b/'c'\n")
    (shown,) = cell.outputs
    assert "100%\n" in shown.text
    assert "red" in shown.text


def test_of_a_long_log_the_end_is_kept(
    attached: Attached, engine: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = engine.submit("for n in range(5000): print('line', n)")["id"]
    engine.wait(job)
    monkeypatch.setattr("jupyter_extension.job_notebook.MOST_LOG_BYTES", 4096)
    _, notebook = written(attached, job)
    told, cell = notebook.cells
    assert "The log's first" in told.source
    text = "".join(output.text for output in cell.outputs)
    assert text.endswith("line 4999\n")
    assert len(text) <= 4096


def test_a_job_that_has_not_run_yet_is_a_notebook_too(
    attached: Attached, engine: RunningEngine
) -> None:
    job = engine.submit("import time; time.sleep(600)")["id"]
    _, notebook = written(attached, job)
    assert notebook.cells[1].outputs == []
    engine.call("POST", f"/jobs/{job}/cancel")
    engine.wait(job)
