"""Jobs side by side: their params and metrics as far as they differ, and the best values."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kd_pipeline.messages import TERMINAL
from kd_pipeline.messages import Job as JobMessage
from kd_pipeline.messages.sidebar import ComparedJob, Comparison

# Words of a metric's name, without the digits at their end: "val_top5_acc1" is val, top, acc.
LOWER_IS_BETTER = frozenset(
    {"brier", "cer", "cost", "deviance", "entropy", "err", "error", "errors", "fid", "loss", "mae"}
    | {"mape", "medae", "mse", "msle", "nll", "perplexity", "ppl", "rmse", "rmsle", "smape", "wer"}
)
HIGHER_IS_BETTER = frozenset(
    {"acc", "accuracy", "ap", "auc", "aucpr", "auprc", "auroc", "bleu", "dice", "f", "gini", "iou"}
    | {"kappa", "likelihood", "map", "mcc", "meteor", "miou", "ndcg", "precision", "psnr", "r"}
    | {"recall", "reward", "rouge", "score", "specificity", "sensitivity", "ssim"}
)
LOWER_ENDS = ("loss", "error", "entropy")  # of a word: logloss, crossentropy
_OTHER_SIGN = frozenset({"neg", "negative"})
_WORD = re.compile(r"[A-Z]*[a-z]+|[A-Z]+")
TESTED = re.compile(r"val|test|eval|cv|dev|holdout", re.IGNORECASE)


def compare(jobs: Sequence[JobMessage], metrics: Sequence[str] = ()) -> Comparison:
    """Return what jobs were given and what they printed, with the columns that tell a difference.

    ``metrics`` chooses among the metrics; none is all in which the jobs differ.
    """
    measured = [metrics_of(job) for job in jobs]
    given = [job.params for job in jobs]
    columns = list(metrics) or [name for name in names_of(measured) if _differs(measured, name)]
    best = {name: _best(name, [one.get(name) for one in measured]) for name in columns}
    return Comparison(
        jobs=[
            ComparedJob(job.cluster, job.id, job.name, job.status, job.params, metrics_of(job))
            for job in jobs
        ],
        params=[name for name in names_of(given) if _differs(given, name)],
        metrics=columns,
        best={name: value for name, value in best.items() if value is not None},
    )


def direction(metric: str) -> int:
    """Return -1 where less of a metric is better, 1 where more is, 0 where its name tells not.

    Of `neg_mean_squared_error` more is better.
    """
    words = [word.lower() for word in _WORD.findall(metric)]
    if any(word in LOWER_IS_BETTER or word.endswith(LOWER_ENDS) for word in words):
        way = -1
    else:
        way = 1 if any(word in HIGHER_IS_BETTER for word in words) else 0
    return -way if _OTHER_SIGN.intersection(words) else way


def candidates(jobs: Sequence[JobMessage]) -> list[JobMessage]:
    """Return those that may be the best: who has failed is none of them."""
    return [job for job in jobs if job.status == "Finished" or job.status not in TERMINAL]


def main_metric(jobs: Sequence[JobMessage]) -> str | None:
    """Return the metric that jobs are best compared by; None where none has printed one.

    Of those whose names tell what is better, one of validation or testing comes first, then the
    last one printed.
    """
    names = names_of(metrics_of(job) for job in jobs)
    telling = [name for name in names if direction(name)]
    tested = [name for name in telling if TESTED.match(name)]
    return next(reversed(tested or telling or names), None)


def best_job(
    jobs: Sequence[JobMessage], metric: str, smallest: bool | None = None
) -> JobMessage | None:
    """Return the job whose last value of a metric is the best; None where none has printed it.

    Where ``smallest`` is not told the metric's name tells it; None where that does not either.
    """
    found = [job for job in jobs if (v := metrics_of(job).get(metric)) is not None and v == v]
    way = direction(metric) if smallest is None else -1 if smallest else 1
    if not way:
        return None
    return max(found, key=lambda job: way * metrics_of(job)[metric], default=None)


def metrics_of(job: JobMessage) -> dict[str, float]:
    """Return the last metrics that a job printed."""
    return job.progress.metrics if job.progress else {}


def names_of(many: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all keys of several mappings, each once."""
    return list(dict.fromkeys(name for one in many for name in one))


def _differs(many: Sequence[Mapping[str, Any]], name: str) -> bool:
    return len(many) == 1 or len({repr(one.get(name)) for one in many}) > 1


def _best(metric: str, values: Sequence[float | None]) -> float | None:
    """Return the best of several values; None where it is not known, or all are the same."""
    there = [value for value in values if value is not None and value == value]
    way = direction(metric)
    if not way or len(set(there)) < 2:
        return None
    return max(there) if way > 0 else min(there)
