"""What became of a model's files and cell, found out beside the answers."""

import json
import os
import time
from pathlib import Path

import pytest

from jupyter_extension import model_checks, models
from jupyter_extension.file_sums import FileSums
from jupyter_extension.model_checks import ModelChecks, Verdict
from jupyter_extension.notebook_cells import NotebookCells
from kd_client.models.registration import NewVersion, look_over, with_circumstances
from kd_pipeline.fingerprints import fingerprint
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.project_repository import ProjectRepository
from tests.jupyter_extension.surroundings import Surroundings
from tests.kd_engines.running_server import eventually

MODEL = "models/taxi/1"


@pytest.fixture
def taxi(here: Surroundings) -> ModelConfig:
    """Return a model as it is registered, with its files."""
    here.write(f"{MODEL}/model.bin")
    here.write(f"{MODEL}/meta.json", "{}")
    here.write("code/score.py", "print(1)")
    repository = ProjectRepository.default()
    new = NewVersion("taxi", "1", MODEL, "code/score.py")
    return with_circumstances(look_over(new, repository).whole(), {})


@pytest.fixture
def checks(here: Surroundings, monkeypatch: pytest.MonkeyPatch) -> ModelChecks:
    """Return checks that look again each time they are asked."""
    monkeypatch.setattr(model_checks, "AGAIN_S", 0.0)
    return ModelChecks(NotebookCells(here.root), FileSums())


def becomes(checks: ModelChecks, model: ModelConfig, verdict: Verdict) -> bool:
    return bool(eventually(lambda: checks.of([model])[model.configmap_name] == verdict, 10))


def test_what_stays_is_unchanged(checks: ModelChecks, taxi: ModelConfig) -> None:
    assert becomes(checks, taxi, Verdict(changed=False))


def test_other_content_of_the_same_size_and_time_is_changed(
    here: Surroundings, checks: ModelChecks, taxi: ModelConfig
) -> None:
    assert becomes(checks, taxi, Verdict(changed=False))
    file = here.repository / MODEL / "model.bin"
    before = file.stat()
    file.write_text("WEIGHTS")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert becomes(checks, taxi, Verdict(changed=True))
    file.write_text("weights")
    assert becomes(checks, taxi, Verdict(changed=False))


def test_a_script_that_changes_is_changed(
    here: Surroundings, checks: ModelChecks, taxi: ModelConfig
) -> None:
    here.write("code/score.py", "print(2)")
    assert becomes(checks, taxi, Verdict(changed=True))


def test_what_goes_is_missing(here: Surroundings, checks: ModelChecks, taxi: ModelConfig) -> None:
    (here.repository / "code/score.py").rename(here.repository / "code/other.py")
    assert becomes(checks, taxi, Verdict(missing=True))
    (here.repository / "code/other.py").rename(here.repository / "code/score.py")
    assert becomes(checks, taxi, Verdict(changed=False))


def test_a_model_outside_of_the_repository_is_missing(checks: ModelChecks) -> None:
    model = ModelConfig("taxi", "1", "/etc/passwd", "/etc/hosts")
    assert becomes(checks, model, Verdict(missing=True))


def test_without_a_repository_nothing_is_known(
    checks: ModelChecks, taxi: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KD_PROJECT_REPO", "/nowhere")
    checks.of([taxi])
    time.sleep(0.2)
    assert checks.of([taxi])["taxi-1"] == Verdict()


def unread(path: Path) -> tuple[str, int]:
    raise AssertionError(f"{path} was read")


def test_files_untouched_since_long_before_are_not_read(
    here: Surroundings, taxi: ModelConfig
) -> None:
    later = taxi.with_extra(created="2099-01-01T00:00:00Z")
    assert becomes(
        ModelChecks(NotebookCells(here.root), FileSums(unread)), later, Verdict(changed=False)
    )


def slow(path: Path) -> tuple[str, int]:
    time.sleep(1.0)
    return fingerprint(path)


def test_a_large_file_keeps_no_other_model_waiting(here: Surroundings, taxi: ModelConfig) -> None:
    checks = ModelChecks(NotebookCells(here.root), FileSums(slow))
    gone = ModelConfig("bus", "1", "models/none", "code/none.py")
    checks.of([taxi])
    checks.of([gone])
    assert becomes(checks, gone, Verdict(missing=True))
    assert checks.of([taxi])["taxi-1"].changed is None
    assert eventually(lambda: checks.of([taxi])["taxi-1"] == Verdict(changed=False), 20)


def test_a_cell_that_was_edited_is_told(here: Surroundings, checks: ModelChecks) -> None:
    notebook = here.root / "taxi.ipynb"
    cell = {"cell_type": "code", "id": "c1", "source": "%%train\nprint(2)"}
    notebook.write_text(json.dumps({"cells": [cell]}))
    extra = {"notebook": str(notebook), "cell-id": "c1", "code-sha256": "0" * 64}
    model = ModelConfig("taxi", "1", "models/none", "code/none.py", extra=extra)
    assert becomes(checks, model, Verdict(missing=True, cell_changed=True))


def test_the_registry_s_answer_has_the_flags(here: Surroundings, taxi: ModelConfig) -> None:
    pipeline = here.pipeline()
    pipeline.registry().register(taxi)
    here.write(f"{MODEL}/model.bin", "more weights")

    def flagged() -> bool:
        return "FilesChanged" in models.model_registry(pipeline).models[0].flags

    assert eventually(flagged, 10)
