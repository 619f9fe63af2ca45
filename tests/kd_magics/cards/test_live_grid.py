"""A grid has a live card: a row for each job, the best one so far, curves."""

import signal
import time
from datetime import UTC, datetime

import pytest

from kd_client.jobs.comparison import best_job, main_metric
from kd_client.jobs.saved_reference import MIME_OF_MANY
from kd_magics.cards import grid_view
from kd_magics.cards.grid_view import GridSnapshot
from kd_pipeline.messages import Job, JobStatus, MetricPoint, Progress
from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_magics.cards.test_card import HTML, card, shows
from tests.kd_magics.running_kernel import RunningKernel, printed

CELL = "%%trainingengineinstance --name sweep --grid lr=1,2"
EPOCHS = """import time
for epoch in range(1, 4):
    print(f"epoch {epoch}/3 loss={lr / epoch:.3f}", flush=True)
    time.sleep(0.8)
"""


def job(number: int, status: JobStatus = "Finished", **fields: object) -> Job:
    """Return a job of a grid over lr."""
    metrics: dict[str, float] = fields.pop("metrics", {})  # type: ignore[assignment]
    return Job(
        id=number,
        cluster="c",
        status=status,
        submitted="2026-11-27T10:00:00.000Z",
        request_url="",
        log_url="",
        code_sha256="",
        params={"lr": number / 10},
        progress=Progress(metrics=metrics) if metrics else None,
        **fields,  # type: ignore[arg-type]
    )


def test_a_grid_is_followed_live_until_all_have_ended(kernel: RunningKernel) -> None:
    request = kernel.send(f"{CELL}\n{EPOCHS}")
    words = "2 jobs; _jobs shows them as a table, _jobs.best() the best one.\n"
    assert printed(kernel.finish(request)).endswith(words)
    assert kernel.good("print(1 + 1)") == "2\n"
    kernel.read_until(lambda: shows(kernel, request, "2 finished"), 60)
    texts = [data["text/plain"] for _, data in card(kernel, request)]
    assert "As of" in texts[0]
    assert any("Best loss so far: " in text for text in texts)
    assert any(" running" in text for text in texts)
    kernel.read_until(lambda: "<svg" in card(kernel, request)[-1][1][HTML])
    last = card(kernel, request)[-1][1]
    assert "Best loss: 0.333 by job " in last["text/plain"]
    assert "(lr=1)" in last["text/plain"]
    assert "As of" not in last["text/plain"]
    assert "as_of" not in last[MIME_OF_MANY]
    assert last[HTML].count("<svg") == 2
    states = len(card(kernel, request))
    with pytest.raises(AssertionError):  # all have ended: nothing comes any more
        kernel.read_until(lambda: len(card(kernel, request)) > states, 2.5)


def test_every_job_of_a_large_grid_gets_its_curve(kernel: RunningKernel) -> None:
    line = CELL.replace("lr=1,2", "lr=1,2,3,4 --grid depth=1,2,3")
    request = kernel.send(f"{line}\nfor n in (1, 2, 3): print(f'epoch {{n}}/3 loss={{lr / n}}')")
    kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, request, "12 finished"), 90)
    kernel.read_until(lambda: card(kernel, request)[-1][1][HTML].count("<svg") == 12)


def test_with_wait_the_card_is_as_the_jobs_ended_when_the_cell_ends(kernel: RunningKernel) -> None:
    request = kernel.send(f"{CELL} --wait\nprint(f'loss={{lr}}')")
    assert printed(kernel.finish(request)).endswith("2 of 2 jobs finished.\n")
    last = card(kernel, request)[-1][1]
    assert "2 jobs on training-engine-instance: 2 finished\n" in last["text/plain"]
    assert "Best loss: 1 by job " in last["text/plain"]


def test_the_reason_of_a_failed_job_stands_in_its_row(kernel: RunningKernel) -> None:
    request = kernel.send(f"{CELL}\nprint(f'loss={{1 / (lr - 1)}}')")
    kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, request, "1 finished, 1 failed"), 60)
    assert "ZeroDivisionError: division by zero (line 2)." in card(kernel, request)[-1][1][HTML]


@pytest.mark.slow
def test_a_grid_says_that_the_engine_is_away_and_goes_on(
    kernel: RunningKernel, engine: RunningEngine
) -> None:
    request = kernel.send(f"{CELL}\nimport time\ntime.sleep(5)")
    kernel.finish(request)
    engine.stop(signal.SIGKILL)
    kernel.read_until(lambda: shows(kernel, request, "The engine does not answer since "))
    time.sleep(2)
    engine.start()
    kernel.read_until(lambda: shows(kernel, request, "2 finished"), 60)
    assert not shows(kernel, request, "does not answer")


@pytest.mark.parametrize(
    ("printed_by_jobs", "main", "best"),
    [
        ([{"loss": 2.0}, {"loss": 1.0}], "loss", 2),
        ([{"acc": 0.8}, {"acc": 0.9}], "acc", 2),
        ([{"val_loss": 1.0, "loss": 3.0}, {"val_loss": 2.0, "loss": 0.1}], "val_loss", 1),
        ([{"loss": 1.0, "accuracy": 0.1}, {"loss": 0.5, "accuracy": 0.2}], "accuracy", 2),
        ([{"depth": 3.0}, {"depth": 1.0}], "depth", None),
        ([{"neg_mae": -3.0}, {"neg_mae": -1.0}], "neg_mae", 2),
        ([{"loss": float("nan")}, {"loss": 7.0}], "loss", 2),
        ([{}, {}], None, 0),
    ],
)
def test_the_main_metric_is_the_one_whose_name_tells_what_is_better(
    printed_by_jobs: list[dict[str, float]], main: str | None, best: int | None
) -> None:
    jobs = [job(number, metrics=m) for number, m in enumerate(printed_by_jobs, 1)]
    assert main_metric(jobs) == main
    if main:
        found = best_job(jobs, main)
        assert (found.id if found else None) == best


def test_a_job_that_failed_is_not_the_best() -> None:
    jobs = [
        job(1, "Failed", metrics={"rmse": 0.1}),
        job(2, metrics={"rmse": 0.2}),
        job(3, "Running", metrics={"rmse": 0.3}),
    ]
    snapshot = GridSnapshot(jobs, [], datetime(2026, 11, 27, 12, tzinfo=UTC))
    assert "Best rmse so far: 0.2 by job 2" in grid_view.text(snapshot)
    shown = grid_view.html(snapshot)
    assert "<strong>0.2</strong>" in shown
    assert "<strong>0.1</strong>" not in shown


def test_no_job_is_called_the_best_by_a_name_that_does_not_tell_what_is_better() -> None:
    jobs = [job(number, metrics={"seconds": number / 10}) for number in (1, 2)]
    snapshot = GridSnapshot(jobs, [], datetime(2026, 11, 27, 12, tzinfo=UTC))
    assert "Best" not in grid_view.text(snapshot) + grid_view.html(snapshot)


def test_what_jobs_say_is_escaped_and_a_saved_card_says_as_of_when_it_is() -> None:
    jobs = [job(1, "Running", metrics={"<b>": 1.0}), job(2, "Failed", reason="<script>x</script>")]
    curves = {1: [MetricPoint(1, 1.0, 3.0), MetricPoint(2, 2.0, 1.0)]}
    jobs[0].params["lr"] = "\x1b[2Jfast"
    snapshot = GridSnapshot(jobs, ["lr"], datetime(2026, 11, 27, 12, tzinfo=UTC), curves)
    html = grid_view.html(snapshot)
    assert "<script>" not in html
    assert "<b>" not in html
    assert "As of " in html
    assert "As of " in grid_view.text(snapshot)
    assert "\x1b" not in grid_view.text(snapshot)
    assert "1 running, 1 failed" in grid_view.text(snapshot)
    assert "_jobs.cancel()" in html
