"""A short form of `make chaos`: nobody can spoil somebody else's answer, job or log."""

from pathlib import Path

import pytest

from tests.chaos import faults, jobs


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_nobody_notices_what_others_do(tmp_path: Path) -> None:
    report = faults.run(tmp_path / "home", 30, seed=20)
    print(report)
    assert report.is_good, str(report)
    assert report.counts.asked > 1000


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_job_is_lost_run_twice_or_stuck(tmp_path: Path) -> None:
    report = jobs.run(tmp_path / "home", 15, seed=21)
    print(report)
    assert report.is_good, str(report)
    assert report.accepted > 20
