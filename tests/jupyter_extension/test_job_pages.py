"""The jobs of several clusters as one list: nothing twice, nothing left out, newest first."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_extension import job_pages
from jupyter_extension.job_pages import Wanted, _merged, job_page, words_of
from kd_client.attached import Attached
from kd_client.jobs.query import Found
from kd_pipeline.messages import Job, SubmitJob
from tests.configmeta import configmeta
from tests.kd_client.test_legacy_engine import OldEngine, old_engine  # noqa: F401 - a fixture
from tests.kd_engines.training.many_jobs import write_jobs
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine

MANY = 5000


def job(cluster: str, number: int, submitted: int) -> Job:
    return Job(number, cluster, "Finished", f"{submitted:06}", "", "", "")


@given(
    times=st.lists(st.lists(st.integers(0, 50), unique=True, max_size=12), max_size=4),
    limit=st.integers(1, 5),
    looked_at=st.integers(1, 4),
    is_found=st.sets(st.integers(0, 50)),
)
def test_pages_of_any_clusters_make_the_whole_list(
    times: list[list[int]], limit: int, looked_at: int, is_found: set[int]
) -> None:
    """Each page looks at ``looked_at`` jobs of a cluster, and finds those of ``is_found``."""
    clusters = {
        f"c{number}": [job(f"c{number}", n + 1, at) for n, at in enumerate(sorted(each))][::-1]
        for number, each in enumerate(times)
    }
    found: list[Job] = []
    rest = dict.fromkeys(clusters, 1000)
    for _ in range(300):
        if not any(rest.values()):
            break
        parts = {
            name: look([one for one in clusters[name] if one.id < before], looked_at, is_found)
            for name, before in rest.items()
            if before
        }
        page, after = _merged(parts, limit)
        assert len(page) <= limit
        found += page
        rest |= after
    assert not any(rest.values()), "the list never ends"
    expected = [one for each in clusters.values() for one in each if int(one.submitted) in is_found]
    assert len(found) == len(expected)
    assert [one.submitted for one in found] == sorted((o.submitted for o in expected), reverse=True)
    assert {(one.cluster, one.id) for one in found} == {(one.cluster, one.id) for one in expected}


def look(jobs: list[Job], many: int, is_found: set[int]) -> Found:
    seen = jobs[:many]
    passed = [one for one in seen if int(one.submitted) in is_found]
    return Found(passed, seen[-1] if seen else None, complete=len(seen) == len(jobs))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """Return an engine with very many jobs."""
    folder = tmp_path_factory.mktemp("many")
    repository = folder / "project_repo"
    repository.mkdir()
    write_jobs(repository / "misc" / CLUSTER / "jobs", MANY)
    running = RunningEngine(repository, folder / "configmeta.json")
    yield running
    running.stop()


@pytest.fixture
def attached(many: RunningEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attached:
    """Return a attached to which that engine and a dead cluster are connected."""
    path = tmp_path / "configmeta.json"
    monkeypatch.setenv("KD_CONFIGMETA", str(path))
    clusters = {CLUSTER: [(many.url, TOKEN)], "down": [("http://127.0.0.1:9", TOKEN)]}
    path.write_text(json.dumps(configmeta(clusters=clusters)))
    return Attached()


def test_a_search_finds_the_rare_one_among_thousands(
    attached: Attached, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine must not decide it: what is not looked through in time is the next page's.
    monkeypatch.setattr(job_pages, "LOOK_FOR_S", 30.0)
    monkeypatch.setattr(job_pages, "WITHIN_S", 30.0)
    page = job_page(attached, Wanted(text="TAXI-4321"))
    assert [(one.id, one.cluster) for one in page.jobs] == [(4321, CLUSTER)]
    assert page.next is None
    assert list(page.troubles) == ["down"]


def test_filters_go_together_and_pages_go_on(attached: Attached) -> None:
    wanted = Wanted(limit=300, status="Failed", user="ada", text="depth=0")
    first, second = pages(attached, wanted)
    assert (len(first), first + second) == (300, list(range(MANY, 0, -10)))


def test_an_engine_of_2020_is_listed_page_by_page_too(
    attached: Attached,
    old_engine: OldEngine,  # noqa: F811
    tmp_path: Path,
) -> None:
    clusters = {"old": [(old_engine.url, TOKEN)]}
    (tmp_path / "configmeta.json").write_text(json.dumps(configmeta(clusters=clusters)))
    for code in ("print(1)", "raise SystemExit", "print(3)"):
        attached.training("old").submit(SubmitJob(code))
    assert pages(attached, Wanted(limit=2)) == [[3, 2], [1]]
    assert pages(attached, Wanted(limit=1, status="Finished")) == [[3], [1]]


def pages(attached: Attached, wanted: Wanted) -> list[list[int]]:
    """Return the jobs' numbers of each page until there is no next one."""
    found, before = [], ""
    while before is not None:
        page = job_page(attached, replace(wanted, before=before))
        found.append([one.id for one in page.jobs])
        before = page.next
    return found


def test_a_search_looks_at_what_a_person_would_type() -> None:
    told = job("train", 12, 0)
    told.name, told.user, told.params = "First Try", "ada", {"kind": "Linear"}
    told.origin = {"notebook": "/home/ada/Taxi Rides.ipynb"}
    words = words_of(told)
    for text in ("first try", "train/12", "ada", "finished", "taxi rides", "kind=linear"):
        assert text in words
