"""What TAB offers is asked for in the background: nobody waits, and nothing is told."""

import threading

from kd_magics.candidates import Recent
from tests.kd_engines.running_server import eventually


def test_what_takes_long_is_there_at_a_later_tab() -> None:
    release = threading.Event()

    def slow() -> list[str]:
        release.wait(30)
        return ["job"]

    recent = Recent(slow, [])
    assert recent.get() == []
    release.set()
    assert eventually(recent.get) == ["job"]


def test_a_value_is_asked_for_once_in_a_few_seconds() -> None:
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        return len(asked)

    recent = Recent(ask, 0)
    assert eventually(recent.get) == 1
    assert [recent.get() for _ in range(5)] == [1] * 5


def test_an_error_leaves_what_was_there() -> None:
    def fail() -> list[str]:
        raise RuntimeError("no engine")

    recent = Recent(fail, ["before"])
    assert recent.get() == ["before"]
