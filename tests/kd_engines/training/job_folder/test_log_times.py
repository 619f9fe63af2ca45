"""When a log was written: marks of time and offset, and ``since``."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_engines.training.job_folder import log_times, records
from kd_engines.training.job_folder.log_times import LogTimes, offset_at
from tests.kd_engines.training.running_engine import RunningEngine

YEAR_S = 365 * 24 * 3600


@given(
    st.dictionaries(st.integers(0, YEAR_S), st.integers(0, 10**14), min_size=1, max_size=50),
    st.integers(0, YEAR_S),
)
def test_the_last_mark_before_a_time_is_found(marks: dict[int, int], when: int) -> None:
    pairs = list(zip(sorted(marks), sorted(marks.values()), strict=True))
    lines = [log_times.MARK.format(records.timestamp(t * 10**9), size) for t, size in pairs]
    before = [size for t, size in pairs if t <= when]
    with NamedTemporaryFile() as file:
        Path(file.name).write_text("".join(lines))
        found = offset_at(file.fileno(), records.timestamp(when * 10**9))
    assert found == (before[-1] if before else 0)


def test_a_mark_is_made_at_most_once_a_second_and_while_the_log_grows(tmp_path: Path) -> None:
    times = LogTimes(str(tmp_path))
    marks = tmp_path / records.LOG_TIMES
    log = tmp_path / records.LOG
    for _ in range(30):
        with log.open("a") as file:
            file.write("line\n")
        times.mark()
        time.sleep(0.05)
    written = len(marks.read_text().splitlines())
    assert written == 2  # at the start, and one a second later
    time.sleep(1)
    for _ in range(3):
        times.mark()
    assert len(marks.read_text().splitlines()) == 3
    with marks.open() as written_marks:
        assert offset_at(written_marks.fileno(), records.now()) == log.stat().st_size


def test_a_part_of_a_mark_is_no_mark(tmp_path: Path) -> None:
    path = tmp_path / records.LOG_TIMES
    for content in ("", '{"time": "20', "x" * 3 * log_times.WIDTH):
        path.write_text(content)
        with path.open() as file:
            assert offset_at(file.fileno(), records.now()) is None


@pytest.mark.slow
def test_since_is_correct_to_about_a_second(engine: RunningEngine) -> None:
    code = (
        "import time\nfor n in range(30):\n    print(time.time(), flush=True)\n    time.sleep(0.2)"
    )
    job, log = engine.run(code)
    written = [float(line) for line in log.split()]
    middle = written[15]
    asked = datetime.fromtimestamp(middle, UTC).isoformat().replace("+00:00", "Z")
    answer = engine.call("GET", f"/jobs/{job['id']}/log?since={asked}")
    first = float(answer.text.split()[0])
    assert middle - 2.5 < first <= middle + 0.2
    assert log.endswith(answer.text)
    assert answer.headers["X-Log-Since"] == answer.headers["X-Log-Offset"]
    hour = timedelta(hours=1)
    for shift, expected in ((-hour, log), (hour, "")):
        at = (datetime.now(UTC) + shift).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert engine.call("GET", f"/jobs/{job['id']}/log?since={at}").text == expected


def test_a_job_without_times_is_told(engine: RunningEngine) -> None:
    job, _ = engine.run("print('x')")
    url = f"/jobs/{job['id']}/log"
    for bad in ("yesterday", "2026-11-25T10:00:00", "9" * 400, ""):
        answer = engine.call("GET", url, params={"since": bad})
        assert answer.status_code == 422
        assert "with its zone" in answer.json()["error"]["message"]
    (engine.job_folder(job["id"]) / records.LOG_TIMES).unlink()
    answer = engine.call("GET", url, params={"since": "2026-11-25T10:00:00Z"})
    assert answer.status_code == 422
    assert f"log of job {job['id']}" in answer.json()["error"]["message"]
