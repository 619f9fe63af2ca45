"""What a process may use of its machine or container."""

import time
from pathlib import Path

import pytest

from kd_engines.members import capacity


def test_load_is_what_the_processors_do() -> None:
    load = capacity.Load()
    until = time.monotonic() + capacity.LOAD_S
    while time.monotonic() < until:
        pass
    busy = load.now()
    assert busy is not None
    assert busy > 0.5 / capacity.cpus()


def test_a_containers_limits_count_not_the_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {
        "memory.max": "1000000",
        "memory.current": "700000",
        "memory.stat": "anon 1\ninactive_file 200000",
        "cpu.max": "200000 100000",
        "cpu.stat": "usage_usec 2500000\nuser_usec 1",
    }
    monkeypatch.setattr(capacity, "_cgroup", values.__getitem__)
    assert capacity.memory_free_bytes() == 500_000
    assert capacity.Load()._busy_s == 2.5
