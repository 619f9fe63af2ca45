"""Metrics in a printed line: ``name=value`` and ``name: value``, and which of those are none.

A pair counts where its name is a metric's (``val_loss``) or where the line is nothing but pairs; a
path, a time, a version or a URL is never one.
"""

import itertools
import math
import re

MOST_PAIRS = 50  # of one line
NUMBER = r"(?>[-+]?(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)"
_END = r"(?=\s*%|[\s;|)\]}'\">]|$|,(?!\d)|\.(?!\w))"
_NAME = r"[A-Za-z_][\w./@-]{0,63}(?:'s [A-Za-z_][\w@-]{0,40})?"
# No name begins inside of a word, a path, a URL or its query.
_PAIR = re.compile(
    rf"(?<![\w./@:?&#\\'-])(?P<quote>['\"]?)(?P<name>{_NAME})(?P=quote)"
    rf"(?:\s?=\s?|:\s{{1,4}}|(?P<tight>:))(?P<value>{NUMBER}){_END}"
)
_WORDS_BEFORE = re.compile(r"(?:^\s*|[^A-Za-z\s]\s*)((?:[A-Za-z]\w{0,20} ){1,2})$")
_TIMES = re.compile(r"\b[\d.:]+\s?(?:[num]?s|min|h|sec|seconds?)?(?:/(?:step|it|epoch|batch))?\b")
_WORD = re.compile(r"[A-Za-z]{2,}")
# Names with one of these parts are metrics wherever they are printed.
_METRICS = re.compile(
    r"(?:acc|accuracy|ap|auc|auroc|auprc|bleu|cer|dice|elbo|f1|inertia|iou|kl|logloss|loss|lr|mae"
    r"|mape|mrr|mse|ndcg|nll|perplexity|ppl|precision|r2|recall|returns?|reward|rmse|rmsle|rouge|smape|wer)"
)
# These are none, although they are printed like one.
_NO_METRICS = re.compile(
    r"(?:batch|best|code|column|complete|date|day|done|duration|elapsed|episode|epochs?|eta|exit"
    r"|fold|hour|https?|id|iter|iterations?|jobs?|line|month|num|page|p?pid|port|progress|python"
    r"|rank|remaining|round|seed|state|status|steps?|time|took|total|trial|v|version|workers?|year)"
)


_HTML = re.compile(r"</?[a-z][a-z0-9-]{0,20}(?:\s[^<>]{0,500})?/?>")


def number(text: str) -> float | None:
    """Return the number that a text is (``1,234.5`` too), or None; NaN and infinities are none."""
    try:
        value = float(text.strip().replace(",", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def read_metrics(line: str, tight: bool, *, of_loop: bool = False) -> dict[str, float]:
    """Return the metrics of a line; ``tight`` is for a round of boosting, ``name:value`` there.

    ``of_loop`` says that an epoch, a step or a bar stands in the line too.
    """
    line = _HTML.sub(" ", line) if "<" in line else line
    found_pairs = itertools.islice(_PAIR.finditer(line), MOST_PAIRS)
    pairs = [pair for pair in found_pairs if tight or not pair["tight"]]
    if not pairs:
        return {}
    only_pairs = tight or not _WORD.search(_TIMES.sub("", _PAIR.sub("", line)).replace("ETA", ""))
    alone = len(pairs) == 1 and not of_loop
    found = {}
    for pair in pairs:
        name = pair["name"].replace("'s ", "-").rstrip(".-/")
        value = number(pair["value"])
        parts = re.split(r"[^a-z0-9]+|_", name.lower())
        words = _WORDS_BEFORE.search(line[max(0, pair.start() - 64) : pair.start()])
        if any(map(_METRICS.fullmatch, parts)):
            name = "_".join([*words[1].split(), name]) if words else name
        elif (
            not only_pairs
            or any(map(_NO_METRICS.fullmatch, parts))
            or (alone and _is_word_and_count(pair))
        ):
            continue
        if value is not None and name.count("/") <= 2:
            found[name] = value
    return found


def _is_word_and_count(pair: re.Match[str]) -> bool:
    """Tell ``Rows: 21``, which says nothing of how well the training goes."""
    return "=" not in pair[0] and pair["value"].lstrip("+-").replace(",", "").isdecimal()
