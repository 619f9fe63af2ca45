"""The options of a cell that is sent, and what they mean."""

import argparse
import itertools
import keyword
import re
from collections.abc import Iterable
from typing import Any

from kd_client.errors import BadOptions
from kd_magics import face
from kd_magics.cells import param_values, requirement_files
from kd_magics.cells.param_values import listed
from kd_magics.cells.provenance import notebook_folder
from kd_magics.options import Options, count
from kd_magics.quantities import duration, size
from kd_pipeline.hints import TRAIN

MOST_JOBS = 100  # of one --grid
_SECRET_NAME = re.compile(
    r"(^|_)(TOKEN|PASSWORD|PASSWD|PWD|SECRET|CREDENTIALS?|APIKEY|KEY)(_|$)", re.IGNORECASE
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parser(magic: str) -> Options:
    """Return the parser of a cluster's cell magic."""
    options = Options(TRAIN, face.sending(magic))
    for name in ("--wait", "--pickle", "--no-raise", "--no-preflight", "--dry-run", "--clean"):
        options.add_argument(name, action="store_true")
    options.add_argument("--name", default="")
    options.add_argument("-o", dest="variable", type=_identifier, metavar="VAR")
    options.add_argument("--in", dest="inputs", type=_names, action="extend", default=[])
    options.add_argument("--out", dest="outputs", type=_names, action="extend", default=[])
    options.add_argument("--files", type=listed, action="extend", default=[], metavar="PATHS")
    options.add_argument("--param", type=param, action="append", default=[], metavar="NAME=VALUE")
    options.add_argument("--env", type=_pair, action="append", default=[], metavar="NAME=VALUE")
    options.add_argument("--grid", type=_choices, action="append", default=[], metavar="NAME=A,B")
    options.add_argument("--timeout", type=duration, metavar="TIME")
    options.add_argument("--cpus", type=_cpus)
    options.add_argument("--memory", type=size, metavar="SIZE")
    options.add_argument("--gpus", type=count)
    options.add_argument("--requirements", action="append", default=[])
    return options


def param(text: str) -> tuple[str, Any]:
    """Read ``lr=0.1``, whose value is as `param_values` says (an argparse type)."""
    name, value = _pair(text)
    return _identifier(name), param_values.value(value)


def environment(pairs: Iterable[tuple[str, str]], line: str) -> dict[str, str]:
    """Return --env's variables; raises BadOptions for a secret that stands on the ``line``."""
    found = dict(pairs)
    for name, value in found.items():
        if value and _SECRET_NAME.search(name) and f"{name}={value}" in _unquoted(line):
            raise BadOptions(
                f"--env {name} looks like a secret, and a job's variables can be seen by others. "
                "Connect it to the training cluster as a Kubernetes secret, or set it in the "
                "engine's environment; nothing was sent."
            )
    return found


def requirements(texts: Iterable[str]) -> list[str]:
    """Return pip requirements: given ones, and those of files such as requirements.txt."""
    found: list[str] = []
    for text in texts:
        if text.endswith(".txt"):
            found += requirement_files.read(notebook_folder() / text, text)
        else:
            found.append(text)
    return found


def grid(choices: list[tuple[str, list[Any]]]) -> list[dict[str, Any]]:
    """Return the params of each combination; raises BadOptions where there are too many."""
    names = [name for name, _ in choices]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise BadOptions(f"--grid has {twice[0]} twice; write {twice[0]}=A,B,C once.")
    total = 1
    for _, values in choices:
        total *= len(values)
    if total > MOST_JOBS:
        raise BadOptions(
            f"--grid would be {total:,} jobs, {MOST_JOBS} are the limit; nothing was sent."
        )
    combinations = itertools.product(*(values for _, values in choices))
    return [dict(zip(names, combination, strict=True)) for combination in combinations]


def _unquoted(line: str) -> str:
    return line.replace("'", "").replace('"', "")


def _identifier(text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a variable's name")
    return text


def _names(text: str) -> list[str]:
    return [_identifier(name) for name in listed(text)]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not _NAME.fullmatch(name):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not NAME=VALUE")
    return name, value


def _choices(text: str) -> tuple[str, list[Any]]:
    name, value = _pair(text)
    values = param_values.choices(value)
    if not values:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} has no value")
    return _identifier(name), values


def _cpus(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} must be a positive number of processors")
    return value
