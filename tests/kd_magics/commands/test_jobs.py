"""%jobs: all clusters, what is asked for, and the list in code."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kd_client.jobs import listing
from kd_client.jobs.job import Job
from kd_magics.commands.jobs import JobList, status_words
from kd_magics.errors import BadOptions
from kd_pipeline.errors import KdError, UnknownCluster
from kd_pipeline.messages import Job as JobMessage
from kd_pipeline.messages import Progress
from tests.kd_client.test_legacy_engine import OldEngine, old_engine  # noqa: F401 - a fixture
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.running_notebook import Notebook


@pytest.fixture(scope="module")
def submitted(engine: RunningEngine) -> dict[str, int]:
    """Jobs of two users, by name; the newest failed."""
    found = {}
    for name, user, code in [
        ("first", "ada", "print(1)"),
        ("sweep-1", "ada", "print(2)"),
        ("of-bob", "bob", "print(3)"),
        ("sweep-2", "ada", "raise SystemExit(3)"),
    ]:
        found[name] = engine.submit(code, name=name, user=user, params={"rate": len(found)})["id"]
        engine.wait(found[name])
    return found


@pytest.fixture
def second(tmp_path: Path) -> Iterator[RunningEngine]:
    """Another training engine, with jobs of its own."""
    (tmp_path / "second_repo").mkdir()
    running = RunningEngine(tmp_path / "second_repo", tmp_path / "second.json")
    yield running
    running.stop()


def names(notebook: Notebook, line: str) -> list[str]:
    value = notebook.good(line).value
    assert isinstance(value, JobList)
    return [job.last.name for job in value]


def test_mine_come_first_and_the_newest_of_them(
    notebook: Notebook, submitted: dict[str, int]
) -> None:
    shown = notebook.good("%jobs")
    assert [job.last.name for job in shown.value] == ["sweep-2", "sweep-1", "first", "of-bob"]
    lines = repr(shown.value).splitlines()
    assert lines[0].split() == ["Job", "Name", "Status", "Submitted", "Took", "User"]
    assert lines[2].startswith(f"{CLUSTER}/{submitted['sweep-2']}  sweep-2  Failed")
    assert lines[2].endswith("ada")
    assert f"%logs {CLUSTER}/{submitted['sweep-2']} shows a log" in lines[-1]
    assert "<table>" in shown.value._repr_html_()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--mine", ["sweep-2", "sweep-1", "first"]),
        ("--user bob", ["of-bob"]),
        ("--status failed", ["sweep-2"]),
        ("--status Finished --mine", ["sweep-1", "first"]),
        ('--name "sweep-*"', ["sweep-2", "sweep-1"]),
        ("--limit 2", ["sweep-2", "sweep-1"]),
        ("--since 1h --limit 1", ["sweep-2"]),
        ("--since 1ms", []),
        ("--cluster trainingengineinstance --user bob", ["of-bob"]),
        ("--user nobody", []),
    ],
)
def test_options_choose(
    notebook: Notebook, submitted: dict[str, int], options: str, expected: list[str]
) -> None:
    assert names(notebook, f"%jobs {options}") == expected


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ("--status done", BadOptions, "none of Queued, Running"),
        ("--mine --user bob", BadOptions, "not allowed with"),
        ("--since soon", BadOptions, "positive duration"),
        ("--limit 0", BadOptions, "not a positive whole number"),
        ("--sort rmse", BadOptions, "--compare"),
        ("--compare rmse", BadOptions, "No job here has 'rmse'"),
        ("--cluster nowhere", UnknownCluster, "nowhere"),
    ],
)
def test_what_is_wrong_is_told(
    notebook: Notebook, submitted: dict[str, int], options: str, error: type[KdError], words: str
) -> None:
    assert words in notebook.fails(f"%jobs {options}", error)


def test_the_first_column_is_what_logs_takes(notebook: Notebook, submitted: dict[str, int]) -> None:
    reference = repr(notebook.good("%jobs --user bob").value).splitlines()[2].split()[0]
    assert notebook.good(f"%logs {reference}").text == "Job Status: Finished\n3\n"


def test_the_value_is_a_list_of_jobs_and_a_dataframe(
    notebook: Notebook, submitted: dict[str, int]
) -> None:
    notebook.good("found = %jobs --mine")
    assert notebook.good("len(found), found[-1].log()").value == (3, "1\n")
    notebook.good("rows = found.to_dataframe()")
    rows = notebook.shell.user_ns["rows"]
    assert list(rows["name"]) == ["sweep-2", "sweep-1", "first"]
    assert list(rows["params.rate"]) == [3, 1, 0]
    assert (rows["seconds"] > 0).all()


def test_all_clusters_are_shown_and_one_that_is_down_is_a_note(
    empty_notebook: Notebook,
    engine: RunningEngine,
    second: RunningEngine,
    old_engine: OldEngine,  # noqa: F811
    submitted: dict[str, int],
) -> None:
    job = second.run("print('there')", name="elsewhere", user="ada")[0]
    empty_notebook.attach(
        {
            CLUSTER: [(engine.url, TOKEN)],
            "second": [(second.url, TOKEN)],
            "down": [("http://127.0.0.1:9", TOKEN)],
            "old": [(old_engine.url, TOKEN)],
        }
    )
    empty_notebook.good("%%old\nprint('ancient')")
    value = empty_notebook.good("%jobs").value
    told = repr(value)
    assert f"second/{job['id']}" in told.splitlines()[2]  # the newest
    assert f"{CLUSTER}/{submitted['first']}" in told
    assert "old/1" in told
    assert "down does not answer: its jobs are not shown." in told


def test_filters_go_through_the_pages_and_tell_where_time_is_over(
    notebook: Notebook, submitted: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 1)
    assert names(notebook, "%jobs --name first") == ["first"]  # the oldest, on the last page
    monkeypatch.setattr(listing, "LOOK_FOR_S", -1.0)
    value = notebook.good("%jobs --name first").value
    assert len(value) == 0
    assert f"{CLUSTER}: there was no time to look at its older jobs." in repr(value)


def test_params_are_compared_side_by_side(notebook: Notebook, submitted: dict[str, int]) -> None:
    lines = repr(notebook.good("%jobs --mine --compare --sort rate").value).splitlines()
    assert lines[0].split() == ["Job", "Name", "Status", "rate"]
    assert [line.split()[-1] for line in lines[2:5]] == ["0", "1", "3"]


def test_no_job_and_no_cluster_are_sentences(empty_notebook: Notebook) -> None:
    empty_notebook.attach({"deployment-engine": [("http://127.0.0.1:9", TOKEN)]})
    assert "No training cluster" in empty_notebook.fails("%jobs", KdError)


def message(**fields: object) -> JobMessage:
    known = {"id": 9, "cluster": "c", "status": "Running", "submitted": "2026-01-01T00:00:00Z"}
    more = {"request_url": "", "log_url": "", "code_sha256": ""}
    return JobMessage(**{**known, **more, **fields})  # type: ignore[arg-type]


def test_a_status_says_why_it_waits_and_how_far_it_is() -> None:
    waits = message(status="Queued", queue_position=2, reason="2 jobs run, 2 is the limit.")
    assert status_words(waits) == "Queued (2 before it): 2 jobs run, 2 is the limit"
    half = message(progress=Progress(fraction=0.5, eta_s=90))
    assert status_words(half) == "Running 50%, 90 s left"
    assert status_words(message(status="OutOfMemory")) == "Out of memory"


def test_metrics_are_shown_in_short_and_given_in_full() -> None:
    metrics = {"rmse": 5.25, "mae": 3.0, "r2": 0.5, "loss": 1 / 3}
    from kd_magics.commands.jobs import _table

    job = Job(None, message(progress=Progress(metrics=metrics)))  # type: ignore[arg-type]
    table = _table([job], [], False)
    assert "rmse 5.25, mae 3, r2 0.5, …" in table.text
    frame = JobList([job], table).to_dataframe()
    assert frame["metrics.loss"][0] == pytest.approx(1 / 3)
