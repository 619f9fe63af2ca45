"""One session asked in many threads, as a sidebar's server does."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kd_magics.session import Session
from tests.configmeta import configmeta
from tests.kd_magics.no_shell import NoShell

CLUSTERS = {"train": [("http://127.0.0.1:9", "token")], "deploy": [("http://127.0.0.1:9", "token")]}
THREADS = 16


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    path = tmp_path / "configmeta.json"
    path.write_text(json.dumps(configmeta(clusters=CLUSTERS)))
    monkeypatch.setenv("KD_CONFIGMETA", str(path))
    return Session(NoShell())


def in_threads(ask: Callable[[], object]) -> list[object]:
    """Return what each of several threads was answered, all asking at the same moment."""
    answers: list[object] = []
    start = threading.Barrier(THREADS)

    def work() -> None:
        start.wait()
        answers.append(ask())

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_all_threads_have_the_same_client_of_a_cluster(session: Session) -> None:
    for ask in (lambda: session.training("train"), lambda: session.deployment_client("deploy")):
        answers = in_threads(ask)
        assert len(answers) == THREADS
        assert len({id(answer) for answer in answers}) == 1


def test_a_file_that_is_being_written_gives_each_thread_a_good_state(
    session: Session, tmp_path: Path
) -> None:
    path = tmp_path / "configmeta.json"
    session.connections()
    done = threading.Event()

    def write() -> None:
        """Write as KubeDirector does: truncate, then in parts."""
        number = 0
        while not done.is_set():
            number += 1
            content = json.dumps(configmeta(f"notebook-{number}", clusters=CLUSTERS))
            with path.open("w") as file:
                file.write(content[:100])
                file.flush()
                file.write(content[100:])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        answers = in_threads(lambda: [session.connections().clusters for _ in range(20)])
    finally:
        done.set()
        writer.join()
    assert len(answers) == THREADS
    for seen in answers:
        assert all(len(clusters) == 2 for clusters in seen)  # type: ignore[attr-defined]
