"""configmeta.json over time: torn writes keep the last state, changes are told once."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from kd_pipeline.connections import Connections
from kd_pipeline.connections_file import COMPARE_EVERY_S, ConnectionsFile, default_configmeta
from kd_pipeline.errors import NoConnections
from tests.configmeta import configmeta


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "configmeta.json"


def write(path: Path, *clusters: str) -> None:
    meta = configmeta(clusters={name: [("http://a:1", "t")] for name in clusters})
    path.write_text(json.dumps(meta))


def names(connections: Connections) -> list[str]:
    return [cluster.name for cluster in connections.clusters]


def test_a_torn_file_keeps_the_last_good_state(path: Path) -> None:
    write(path, "one")
    file = ConnectionsFile(path)
    assert names(file.read()) == ["one"]
    for torn in (b"", b'{"cluster": {"na', b"[]"):
        path.write_bytes(torn)
        assert names(file.read()) == ["one"]
        assert file.last_error is not None
        assert str(path) in file.last_error
    path.unlink()
    assert names(file.read()) == ["one"]
    write(path, "two")
    assert names(file.read()) == ["two"]
    assert file.last_error is None


def test_a_file_that_never_was_is_one_sentence_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a file that is there can be about to become whole."""
    monkeypatch.setattr("kd_pipeline.connections_file.TORN_RETRY_S", 3600.0)
    with pytest.raises(NoConnections, match=r"configmeta\.json cannot be read.*kd up"):
        ConnectionsFile(path).read()


@pytest.fixture
def told(path: Path) -> Iterator["Queue[list[str]]"]:
    queue: Queue[list[str]] = Queue()
    stop = threading.Event()

    def follow() -> None:
        for connections in ConnectionsFile(path).changes(stop):
            queue.put(names(connections))

    thread = threading.Thread(target=follow)
    thread.start()
    yield queue
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_changes_are_told_and_torn_writes_are_not(path: Path, told: "Queue[list[str]]") -> None:
    write(path, "one")
    assert told.get(timeout=10) == ["one"]
    path.write_bytes(b'{"cluster"')
    write(path, "one")  # same content again: nothing to tell
    write(path, "one", "two")
    assert told.get(timeout=10) == ["one", "two"]
    assert told.empty()


def test_the_file_is_found_where_the_surroundings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KD_CONFIGMETA", raising=False)
    monkeypatch.setenv("KD_HOME", str(tmp_path))
    expected = tmp_path / "run" / "jupyter-notebook" / "controller-1" / "configmeta.json"
    assert default_configmeta() == expected
    other = tmp_path / "run" / "my-notebook" / "controller-1" / "configmeta.json"
    other.parent.mkdir(parents=True)
    other.touch()
    assert default_configmeta() == other
    monkeypatch.setenv("KD_CONFIGMETA", str(tmp_path / "mine.json"))
    assert default_configmeta() == tmp_path / "mine.json"


def test_a_moment_in_which_nothing_can_be_watched_ends_nothing(
    path: Path, told: "Queue[list[str]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where no file handle is left, or no inotify watch."""
    for error in (OSError(24, "Too many open files"), RuntimeError("OS file watch limit reached.")):

        def refuse(*_: object, error: Exception = error, **__: object) -> object:
            raise error

        with monkeypatch.context() as moment:
            moment.setattr("watchfiles.watch", refuse)
            write(path, type(error).__name__)
            assert told.get(timeout=10) == [type(error).__name__]
            threading.Event().wait(COMPARE_EVERY_S + 0.2)  # it waits once more without a watch
    write(path, "after")
    assert told.get(timeout=10) == ["after"]
