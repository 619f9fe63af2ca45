"""A short form of `make chaos`: nobody can spoil somebody else's answer."""

from pathlib import Path

import pytest

from tests.chaos.faults import run


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_nobody_notices_what_others_do(tmp_path: Path) -> None:
    report = run(tmp_path / "home", 30, seed=20)
    print(report)
    assert report.is_good, str(report)
    assert report.counts.asked > 1000
