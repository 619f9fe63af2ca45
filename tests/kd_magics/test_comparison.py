"""Params and metrics of jobs side by side."""

from typing import Any

import pytest

from kd_client.jobs.comparison import compare, direction
from kd_client.jobs.job import Job
from kd_magics.comparison import comparison
from kd_magics.errors import BadOptions
from kd_pipeline.messages import Progress
from tests.kd_magics.commands.test_jobs import message


def job(number: int, params: dict[str, Any], **metrics: float) -> Job:
    told = message(id=number, status="Finished", params=params, progress=Progress(metrics=metrics))
    return Job(None, told)  # type: ignore[arg-type]


JOBS = [
    job(1, {"lr": 0.1, "depth": 6}, rmse=5.0, auc=0.7, seconds=1.0, steps=10),
    job(2, {"lr": 0.01, "depth": 6}, rmse=4.0, auc=0.9, seconds=2.0, steps=10),
    job(3, {"lr": 0.001, "depth": 6}, auc=0.8, seconds=3.0, steps=10),
]


def rows(metrics: list[str], sort: str | None = None) -> list[list[str]]:
    _, table = comparison(JOBS, metrics, sort, [])
    return [table.headers, *table.rows]


def test_only_columns_that_differ_are_shown_and_the_best_is_marked() -> None:
    assert rows([]) == [
        ["Job", "Name", "Status", "lr", "rmse", "auc", "seconds"],
        ["c/1", "", "Finished", "0.1", "5", "0.7", "1"],
        ["c/2", "", "Finished", "0.01", "4 *", "0.9 *", "2"],
        ["c/3", "", "Finished", "0.001", "", "0.8", "3"],
    ]


def test_the_best_is_bold_in_html() -> None:
    _, table = comparison(JOBS, ["rmse"], None, ["a note"])
    assert "<b>4</b>" in table.html
    assert table.html.count("<b>") == 1
    assert table.notes == ["The best of a column is marked (*).", "a note"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [("rmse", [2, 1, 3]), ("auc", [2, 3, 1]), ("seconds", [1, 2, 3]), ("lr", [3, 2, 1])],
)
def test_sorting_puts_the_best_first_and_what_is_missing_last(sort: str, order: list[int]) -> None:
    ordered, _ = comparison(JOBS, [], sort, [])
    assert [one.id for one in ordered] == order


def test_an_unknown_metric_names_those_that_there_are() -> None:
    with pytest.raises(BadOptions, match="No job here has 'mae'; there are: rmse, auc"):
        comparison(JOBS, ["mae"], None, [])
    with pytest.raises(BadOptions, match="'nothing'"):
        comparison(JOBS, [], "nothing", [])


def test_nothing_is_marked_where_no_value_is_better_or_may_be_missing() -> None:
    same = [job(1, {}, rmse=2.0), job(2, {}, rmse=2.0), job(3, {}, rmse=float("nan"))]
    _, table = comparison(same, ["rmse"], "rmse", [])
    assert "*" not in table.text


@pytest.mark.parametrize(
    ("metric", "way"),
    [
        *(("val_loss", -1), ("RMSE", -1), ("mae", -1), ("trainLoss", -1), ("mlogloss", -1)),
        *(("val_top5_err", -1), ("mean_squared_error", -1), ("crossentropy", -1), ("nll", -1)),
        *(("accuracy", 1), ("AUC", 1), ("answer_accuracy", 1), ("flower_f1", 1), ("val_R2", 1)),
        *(("terrain_iou", 1), ("interrater_kappa", 1), ("mAP50", 1), ("top1_acc5", 1), ("mcc", 1)),
        *(("neg_mean_squared_error", 1), ("val_neg_log_loss", 1), ("log_likelihood", 1)),
        *(("negative_log_likelihood", -1), ("epoch", 0), ("power", 0), ("seconds", 0), ("neg", 0)),
    ],
)
def test_a_metric_s_name_tells_which_way_is_better(metric: str, way: int) -> None:
    assert direction(metric) == way


def test_the_same_comparison_is_there_as_data() -> None:
    found = compare([one.last for one in JOBS])
    assert (found.params, found.metrics) == (["lr"], ["rmse", "auc", "seconds"])
    assert found.best == {"rmse": 4.0, "auc": 0.9}
    assert [row.metrics.get("rmse") for row in found.jobs] == [5.0, 4.0, None]
    assert found.jobs[0].params == {"lr": 0.1, "depth": 6}
