"""Parts of a log: its end, its lines, what matches; compared with the whole log."""

import re

import pytest

from kd_client.jobs.job import Job
from kd_client.terminal.log_text import LogText
from kd_magics.output import log_parts
from tests.kd_magics.running_notebook import Notebook

CODE = """
for n in range(400): print("x" * (n % 50 * 7), n if n % 3 else "")
print("no end", end="")
"""


@pytest.fixture
def job(notebook: Notebook) -> Job:
    notebook.good("%%trainingengineinstance\n" + CODE)
    return notebook.shell.user_ns["_job"].wait(30)  # type: ignore[no-any-return]


def test_the_tail_begins_where_its_first_line_does(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_parts, "PIECE", 997)  # so that lines lie across pieces
    whole = job.log().encode()
    lines = whole.splitlines(keepends=True)
    for count in (1, 2, 3, 50, 400, 401, 402, 1000):
        start = log_parts.tail_start(job, 0, len(whole), count)
        assert whole[start:] == b"".join(lines[-count:])
    floor = len(b"".join(lines[:390]))
    assert log_parts.tail_start(job, floor, len(whole), 1000) == floor
    assert log_parts.tail_start(job, 0, 0, 10) == 0


def test_a_tail_of_very_long_lines_is_shorter(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_parts, "LARGEST_TAIL", 2000)
    whole = job.log().encode()
    start = log_parts.tail_start(job, 0, len(whole), 1000)
    assert 0 < len(whole) - start <= 2000
    assert whole[start - 1 : start] == b"\n"


def test_pieces_are_the_whole(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_parts, "PIECE", 997)
    whole = job.log().encode()
    assert b"".join(log_parts.read(job, 0, len(whole))) == whole
    assert b"".join(log_parts.read(job, 10, len(whole) + 10**6)) == whole[10:]
    assert log_parts.count_lines(job, 0, len(whole)) == 400
    assert log_parts.count_lines(job, 0, log_parts.MOST_COUNTED + 1) is None


def test_the_last_matches(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_parts, "PIECE", 997)
    text = LogText(re.compile("9$|end"))
    lines, before = log_parts.last_matches(job, text, 0, job.last.log_size, 3)
    matching = [line for line in job.log().split("\n") if re.search("9$", line)]
    assert [line.rstrip("\n") for line in lines] == matching[-3:]
    assert before == len(matching) - 3
    assert text.close() == "no end\n"  # the last line was not finished


def test_a_part_of_a_line_is_no_line_for_a_pattern() -> None:
    text = LogText(re.compile("^ab$"))
    assert text.feed(b"a") + text.feed(b"b\xc3") + text.feed(b"\xa9\nab\n") == "ab\n"
