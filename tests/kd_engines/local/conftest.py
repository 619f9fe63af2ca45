"""Homes of `kd up` for the tests of a module."""

from collections.abc import Callable, Iterator

import pytest

from tests.kd_engines.local.running_home import RunningHome


@pytest.fixture(scope="module")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RunningHome]]:
    """Make homes; what runs there is stopped at the end, and nothing may be left."""
    homes: list[RunningHome] = []

    def make(deployment: bool = False) -> RunningHome:
        home = RunningHome(tmp_path_factory.mktemp("kd") / "home", deployment)
        homes.append(home)
        return home

    yield make
    for home in homes:
        home.kd("down")
        assert [process.cmdline() for process in home.processes()] == []


@pytest.fixture(scope="module")
def home(new_home: Callable[..., RunningHome]) -> RunningHome:
    """Return a home that runs."""
    running = new_home()
    running.up()
    return running
