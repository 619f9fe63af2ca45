"""Jobs are looked for page by page, as long as there is a reason to."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kd_client.jobs.query import Search, search
from kd_client.training_client import TrainingClient
from kd_magics.errors import EngineDown
from kd_pipeline.connections import parse_connections
from kd_pipeline.messages import Job
from tests.configmeta import configmeta
from tests.kd_engines.training.many_jobs import write_jobs
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainingClient]:
    """Return the client of an engine with 60 jobs, whose cluster is connected as ``here``."""
    folder = tmp_path_factory.mktemp("sixty")
    write_jobs(folder / "project_repo" / "misc" / CLUSTER / "jobs", 60)
    running = RunningEngine(folder / "project_repo", folder / "configmeta.json")
    yield connected(running.url)
    running.stop()


def connected(url: str) -> TrainingClient:
    found = parse_connections(json.dumps(configmeta(clusters={"here": [(url, TOKEN)]})))
    return TrainingClient(lambda: found.cluster("here"))


def looked_for(**wanted: object) -> Search:
    settings = {"passes": lambda job: True, "enough": 100, "within_s": 10.0, "page": 10}
    return Search(**{**settings, **wanted})  # type: ignore[arg-type]


def is_seventh(job: Job) -> bool:
    return job.id % 7 == 0


def test_all_pages_are_looked_through_for_those_that_pass(client: TrainingClient) -> None:
    found = search(client, looked_for(passes=is_seventh))
    assert [job.id for job in found.jobs] == [56, 49, 42, 35, 28, 21, 14, 7]
    assert (found.complete, found.late) == (True, False)
    assert {job.cluster for job in found.jobs} == {"here"}


def test_it_ends_with_the_page_on_which_there_are_enough(client: TrainingClient) -> None:
    found = search(client, looked_for(passes=is_seventh, enough=2, before=50))
    assert [job.id for job in found.jobs] == [49, 42]
    assert found.last
    assert (found.last.id, found.complete, found.late) == (40, False, False)


def test_it_ends_with_the_first_that_is_too_old(client: TrainingClient) -> None:
    found = search(client, looked_for(is_over=lambda job: job.id < 45))
    assert [job.id for job in found.jobs] == list(range(60, 40, -1))
    assert not found.late


@pytest.mark.parametrize("limits", [{"pages": 2}, {"pages": 2, "within_s": 0.0}])
def test_what_there_was_no_time_for_is_told(
    client: TrainingClient, limits: dict[str, float]
) -> None:
    found = search(client, looked_for(passes=lambda job: False, **limits))
    assert (found.jobs, found.complete, found.late) == ([], False, True)
    assert found.last
    assert found.last.id > 40 - 1


def test_an_engine_that_never_answers_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineDown):
        search(connected("http://127.0.0.1:9"), looked_for())
