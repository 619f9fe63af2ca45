"""Metrics in a printed line: ``name=value`` and ``name: value``, and which of those are none.

A pair counts where its name is a metric's (``val_loss``) or where the line is nothing but pairs; a
path, a time, a version or a URL is never one.
"""

import itertools
import math
import re

MOST_PAIRS = 50  # of one line
NUMBER = r"(?>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)"
_END = r"(?=\s*%|[\s;|)\]}'\"]|$|,(?!\d)|\.(?!\w))"
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
    r"|mape|mrr|mse|ndcg|nll|perplexity|ppl|precision|r2|recall|reward|rmse|rmsle|rouge|smape|wer)"
)
# These are none, although they are printed like one.
_NO_METRICS = re.compile(
    r"(?:batch|best|code|column|complete|date|day|done|duration|elapsed|episode|epochs?|eta|exit"
    r"|fold|hour|https?|id|iter|iterations?|jobs?|line|month|num|page|p?pid|port|progress|python"
    r"|rank|remaining|round|seed|state|status|steps?|time|took|total|trial|v|version|workers?|year)"
)


def read_metrics(line: str, tight: bool) -> dict[str, float]:
    """Return the metrics of a line; ``tight`` allows for ``name:value`` without a space."""
    found_pairs = itertools.islice(_PAIR.finditer(line), MOST_PAIRS)
    pairs = [pair for pair in found_pairs if tight or not pair["tight"]]
    if not pairs:
        return {}
    only_pairs = not _WORD.search(_TIMES.sub("", _PAIR.sub("", line)).replace("ETA", ""))
    found = {}
    for pair in pairs:
        name = pair["name"].replace("'s ", "-").rstrip(".-/")
        value = float(pair["value"])
        parts = re.split(r"[^a-z0-9]+|_", name.lower())
        known = any(map(_METRICS.fullmatch, parts))
        words = _WORDS_BEFORE.search(line[max(0, pair.start() - 64) : pair.start()])
        if known and words:
            name = "_".join([*words[1].split(), name])
        elif not known and (not only_pairs or any(map(_NO_METRICS.fullmatch, parts))):
            continue
        if math.isfinite(value) and name.count("/") <= 2:
            found[name] = value
    return found
