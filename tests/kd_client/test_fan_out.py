"""Several clusters are asked at the same time."""

import threading

from kd_client.fan_out import ask_all
from kd_magics.errors import EngineDown
from kd_pipeline.errors import KdError, NotFound


def test_all_are_asked_at_once_and_keep_their_order() -> None:
    together = threading.Barrier(3)  # broken unless all three are under way

    def ask() -> int:
        return together.wait(10)

    answers = ask_all(dict.fromkeys("cab", ask), 10)
    assert list(answers) == ["c", "a", "b"]
    assert sorted(map(str, answers.values())) == ["0", "1", "2"]


def test_an_error_is_the_answer_of_its_cluster_alone() -> None:
    def fail() -> str:
        raise NotFound("nothing")

    answers = ask_all({"bad": fail, "good": lambda: "yes"}, 10)
    assert isinstance(answers["bad"], NotFound)
    assert answers["good"] == "yes"


def test_who_is_late_is_not_waited_for_and_changes_nothing_later() -> None:
    release, done = threading.Event(), threading.Event()

    def slow() -> str:
        release.wait(30)
        done.set()
        return "late"

    answers = ask_all({"slow": slow, "good": lambda: "yes"}, 0.1)
    late = answers["slow"]
    assert isinstance(late, EngineDown)
    assert str(late) == "Cluster slow does not answer within 0.1 s."
    release.set()
    assert done.wait(30)
    assert isinstance(answers["slow"], KdError)


def test_nobody_to_ask_is_no_answer() -> None:
    assert ask_all({}, 1) == {}
