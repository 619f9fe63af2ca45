"""What an engine tells about its machine."""

import time
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest

from kd_engines.members.capacity import LOAD_S
from kd_engines.training import machine
from kd_pipeline.messages import Mount, Queue


def test_packages_are_listed_with_their_versions() -> None:
    found = machine.packages()
    assert found["pytest"] == pytest.__version__


def test_gpus_are_read_from_nvidias_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'Tesla T4, 15360'\necho 'Tesla T4, [N/A]'\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    [gpu] = machine.gpus()
    assert (gpu.name, gpu.memory_bytes) == ("Tesla T4", 15360 * 1024**2)


def test_a_program_that_fails_means_no_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexit 9\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert machine.gpus() == []


def test_the_environment_has_the_queue_as_it_is_now(tmp_path: Path) -> None:
    finder = machine.EnvironmentFinder(tmp_path)
    for queued in (0, 3):
        found = finder.find("c", "python", Queue(queued=queued, running=0, limit=2))
        assert found.queue.queued == queued
        assert found.cpus >= 1


def test_the_environment_tells_load_free_memory_and_our_version(tmp_path: Path) -> None:
    finder = machine.EnvironmentFinder(tmp_path)
    queue = Queue(queued=0, running=0, limit=2)
    assert finder.find("c", "python", queue).load is None  # it takes time to see
    time.sleep(LOAD_S)
    found = finder.find("c", "python", queue)
    assert found.load is not None
    assert 0 <= found.load <= 1
    assert found.memory_free_bytes is not None
    assert 0 < found.memory_free_bytes <= found.memory_bytes
    assert found.kd_magics == metadata.version("kd-magics")


class Part(NamedTuple):
    """A partition as psutil tells it."""

    mountpoint: str
    fstype: str
    opts: str = "rw,noatime"


def test_mounts_are_the_repository_s_and_those_of_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [
        Part("/", "overlay"),
        Part("/proc", "proc"),
        Part("/etc/hosts", "ext4"),
        Part("/var/run/secrets", "tmpfs"),
        Part(str(tmp_path.parent), "nfs4"),
        Part("/data/trips", "ceph", "ro,relatime"),
        Part("/scratch", "xfs"),
        Part("/memory", "tmpfs"),
    ]
    monkeypatch.setattr("psutil.disk_partitions", lambda all: parts)
    own, *others = machine.mounts(tmp_path)
    assert (own.path, own.kind, own.is_read_only) == (str(tmp_path), "nfs4", False)
    assert 0 < (own.free_bytes or 0) <= (own.size_bytes or 0)
    assert others == [Mount("/data/trips", "ceph", is_read_only=True), Mount("/scratch", "xfs")]


def test_a_repository_that_is_away_has_no_room_to_tell(tmp_path: Path) -> None:
    own = machine.mounts(tmp_path / "gone")[0]
    assert (own.size_bytes, own.free_bytes) == (None, None)
