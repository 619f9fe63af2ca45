"""What an engine tells about its machine."""

from pathlib import Path

import pytest

from kd_engines.training import environment
from kd_pipeline.messages import Queue


def test_packages_are_listed_with_their_versions() -> None:
    found = environment.packages()
    assert found["pytest"] == pytest.__version__


def test_gpus_are_read_from_nvidias_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'Tesla T4, 15360'\necho 'Tesla T4, [N/A]'\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    [gpu] = environment.gpus()
    assert (gpu.name, gpu.memory_bytes) == ("Tesla T4", 15360 * 1024**2)


def test_a_program_that_fails_means_no_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexit 9\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert environment.gpus() == []


def test_the_environment_has_the_queue_as_it_is_now() -> None:
    finder = environment.EnvironmentFinder()
    for queued in (0, 3):
        found = finder.find("c", "python", Queue(queued=queued, running=0, limit=2))
        assert found.queue.queued == queued
        assert found.cpus >= 1
