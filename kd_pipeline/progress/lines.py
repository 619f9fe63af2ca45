"""What one printed line tells of a job's progress: a bar, an epoch, a step, metrics.

Known are the bars of tqdm (so Lightning's) and of Keras 2 and 3, the rounds of XGBoost, LightGBM
and CatBoost, the verbose forms of scikit-learn and joblib, fastai's table, Optuna's trials,
counters such as ``epoch 3/10`` and ``Step [45/100]``, and metrics as ``name=value`` or ``name:
value``.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kd_pipeline.progress.metrics import NUMBER, number, read_metrics

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_TQDM = re.compile(
    r"(?P<percent>\d{1,3})%\|[^|]*\|\s*(?P<current>[\d.]+)(?P<scale>[kMGT]?)/"
    r"(?P<total>[\d.]+)(?P<total_scale>[kMGT]?)\w*\s\[(?P<elapsed>[\d:]+)<(?P<eta>[\d:]+|\?),?"
)
_ENDLESS = re.compile(r"(?P<current>\d{1,15})(?P<unit>[A-Za-z]+) \[(?:\d+:)+\d\d, ")
_RATE = re.compile(r"[\d.?]+(?:s/(?P<slow>[A-Za-z]+)|[kMG]?(?P<fast>[A-Za-z]+)/s)")
_KERAS = re.compile(
    r"^\s*(?P<current>\d{1,15})/(?P<total>\d{1,15})\s+(?:\[[=>.]*\]|━+)(?P<rest>.*)"
)
_KERAS_ETA = re.compile(r"ETA: ((?:\d+:)*\d+)s?|^\s+(\d+)s ")
_COUNTER = re.compile(
    r"\b(?P<word>epoch|fold|trial|episode|round|step|iteration|iter|batch)(?:e?s)?"
    r"\b[\s:=#(\[]{0,4}(?P<current>\d{1,15})"
    r"(?:\s?(?:/|of|out of)\s?(?P<total>\d{1,15}))?(?![\w.]|:\d)",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"^\s*\[\s*(?P<current>\d{1,15})\s*/\s*(?P<total>\d{1,15})\s*\]")
_ROUND = re.compile(r"^\[(\d{1,15})\]\t|^(\d{1,15}):\t")
_JOBLIB = re.compile(r"\bDone\s+(?P<current>\d{1,15})\s+out of\s+(?P<total>\d{1,15})\b")
_FITS = re.compile(r"\btotalling (\d{1,9}) fits$")
_REMAINING = re.compile(r"\bremaining:\s*([\d.]{1,15})(ms|s|min|m|h)\b")
_PERCENT = re.compile(
    r"\b(?:progress|completed?|done)\b[\s:=(]{0,4}(\d{1,3}(?:\.\d{1,9})?)\s?%"
    r"|\b(\d{1,3}(?:\.\d{1,9})?)\s?%\s(?:done|completed?)\b",
    re.IGNORECASE,
)
_TREES = re.compile(r"^\s+Iter\s+Train Loss\b")
_TREE = re.compile(rf"^\s+(\d{{1,15}})\s+({NUMBER})\s+(?:{NUMBER}\s+)?([\d.]{{1,15}})([smh])\s*$")
_TRIAL = re.compile(
    rf"\bTrial (\d{{1,15}}) finished with values?: (\[[^\]]{{0,500}}\]|{NUMBER})"
    rf".*?(?:Best is trial \d+ with value: ({NUMBER})\.?\s*)?$"
)
_SCALES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_SIGN = re.compile(r"[=:/%\]]| of \d")
_OUTER = ("epoch", "fold", "trial", "episode")
_COUNTED = (*_OUTER, "round", "step", "iter", "batch")


@dataclass
class Bar:
    """One look at a bar or counter: ``key`` is the same for all looks at one bar."""

    key: str
    current: float
    total: float | None
    unit: str = ""
    eta_s: float | None = None

    @property
    def fraction(self) -> float | None:
        """Return how much is done, from 0 to 1, where the total is known."""
        return min(1.0, self.current / self.total) if self.total else None


@dataclass
class Told:
    """What a line tells; ``at`` is the epoch or round that its metrics belong to."""

    bar: Bar | None = None
    outer: Bar | None = None
    at: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    fits: int | None = None  # how many fits a search is going to do
    fitted: bool = False  # one of them is done
    rounds: bool = False  # it is a round of boosting
    trees: bool = False  # it is the head of a table of boosting's rounds
    eta_s: float | None = None


def read_row(words: Sequence[str], columns: Sequence[str]) -> Told:
    """Return what a row of a table tells, which begins with an epoch's number."""
    found = {name: number(word) for name, word in zip(columns[1:], words[1:], strict=True)}
    metrics = {n: value for n, value in found.items() if value is not None and n != "time"}
    return Told(at=float(words[0]), metrics=metrics)


def read_line(line: str, in_table: bool = False) -> Told | None:
    """Return what a line without control characters tells, or None.

    ``in_table`` says that the head of a table of boosting's rounds came before it.
    """
    if in_table and (row := _TREE.match(line)):
        loss = float(row[2])
        metrics = {"train_loss": loss} if math.isfinite(loss) else {}
        return Told(at=float(row[1]), metrics=metrics, eta_s=_seconds(row[3], row[4]))
    if "  Iter" in line and _TREES.match(line):
        return Told(trees=True)
    if "totalling" in line and (fits := _FITS.search(line)):
        return Told(fits=int(fits[1]))
    if not _SIGN.search(line):
        return None
    if "finished with value" in line and (trial := _TRIAL.search(line)):
        return Told(at=float(trial[1]), metrics=_trial(trial))
    told = Told()
    rest = _bars(line, told)
    lowered = rest.lower()
    if any(word in lowered for word in _COUNTED):
        rest = _counters(rest, told)
    if rest.startswith("[") or ":\t" in rest:
        rest = _rounds(rest, told)
    if "remaining" in line and (remaining := _REMAINING.search(line)):
        told.eta_s = _seconds(remaining[1], remaining[2])
        if told.bar:
            told.bar.eta_s = told.eta_s
    told.fitted = line.startswith("[CV") and " END " in line
    if "=" in rest or ":" in rest:
        counts = told.bar or told.outer or told.at is not None
        told.metrics = read_metrics(rest, told.rounds, of_loop=bool(counts))
    known = told.bar or told.outer or told.metrics or told.fitted or told.eta_s is not None
    return told if known else None


def _trial(trial: re.Match[str]) -> dict[str, float]:
    """Return the value of one of Optuna's trials, or its values, and the best one so far."""
    several = trial[2].startswith("[")
    values = trial[2].strip("[]").split(", ") if several else [trial[2]]
    found = {f"value_{n}" if several else "value": number(word) for n, word in enumerate(values)}
    found["best_value"] = number(trial[3]) if trial[3] else None
    return {name: value for name, value in found.items() if value is not None}


def _bars(line: str, told: Told) -> str:
    """Take a bar off a line; return the rest of it, which may have metrics."""
    if "%|" in line and (found := _TQDM.search(line)):
        before, after = line[: found.start()], line[found.end() :]
        rate = _RATE.search(after)
        unit = ((rate["slow"] or rate["fast"]) if rate else "") or "it"
        total = _scaled(found["total"], found["total_scale"])
        eta = None if found["eta"] == "?" else _clock(found["eta"])
        key = re.sub(r"[\d.]+", "#", before.strip()) + f"|{total}"
        current = _scaled(found["current"], found["scale"])
        if current is not None and total:
            told.bar = Bar(key, current, total, unit, eta)
        return f"{before} {after}"
    if keras := _KERAS.match(line):
        current, total, rest = int(keras["current"]), int(keras["total"]), keras["rest"]
        eta_text = _KERAS_ETA.search(rest)
        eta = _clock(eta_text[1] or eta_text[2]) if eta_text else None
        if total:
            told.bar = Bar(f"keras|{total}", current, total, "step", eta if current < total else 0)
        return rest
    if " [" in line and (found := _ENDLESS.search(line)):
        key = re.sub(r"[\d.]+", "#", line[: found.start()])
        told.bar = Bar(key, int(found["current"]), None, found["unit"])
        return line[: found.start()] + line[found.end() :]
    if "Done " in line and (found := _JOBLIB.search(line)):
        told.bar = Bar("joblib", int(found["current"]), int(found["total"]) or None, "task")
    elif "%" in line and (found := _PERCENT.search(line)):
        told.bar = Bar("percent", min(100.0, float(found[1] or found[2])), 100, "%")
    return line


def _counters(line: str, told: Told) -> str:
    """Take ``epoch 3/10``, ``Step [4/9]`` and the like off a line; return the rest."""
    rest = line
    for found in _COUNTER.finditer(line):
        word = found["word"].lower()
        current, total = int(found["current"]), int(found["total"] or 0) or None
        rest = rest.replace(found[0], " ", 1)
        if told.at is None:
            told.at = current
        if total is None or current > total:
            continue
        if word in _OUTER and told.outer is None:
            told.outer = Bar(word, current, total, word)
        elif told.bar is None:
            told.bar = Bar(f"{word}|{total}", current, total, word)
    return rest


def _rounds(rest: str, told: Told) -> str:
    """Take ``[12/100]``, ``[17]`` or ``17:`` off the beginning of a line; return the rest."""
    if brackets := _BRACKETS.match(rest):
        current, total = int(brackets["current"]), int(brackets["total"])
        if told.bar is None and current <= total and total:
            told.bar = Bar(f"[]|{total}", current, total)
        return rest[brackets.end() :]
    if found := _ROUND.match(rest):
        told.at = int(found[1] or found[2])
        told.rounds = True
        return rest[found.end() :]
    return rest


def _scaled(number: str, scale: str) -> float | None:
    return float(number) * _SCALES[scale] if _is_number(number) else None


def _is_number(text: str) -> bool:
    return text.count(".") <= 1 and text != "." and len(text) <= 15


def _seconds(number: str, unit: str) -> float | None:
    return float(number) * _UNITS_S[unit] if _is_number(number) else None


def _clock(text: str) -> float | None:
    """Return the seconds of ``12``, ``1:05`` or ``1:02:03``."""
    parts = text.split(":")
    if len(parts) > 4 or not all(part.isdecimal() and len(part) < 10 for part in parts):
        return None
    seconds = 0
    for part in parts:
        seconds = seconds * 60 + int(part)
    return float(seconds)
