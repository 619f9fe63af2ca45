"""What a submission may send beside its code (params, inputs, outputs, files), and the limits."""

import itertools
import keyword
import re
import unicodedata
from collections.abc import Iterable

import msgspec

from kd_pipeline.errors import InvalidInput, TooLarge
from kd_pipeline.messages import SubmitJob
from kd_pipeline.values import check_sizes

LARGEST_PARAMS = 64 * 1024  # as JSON, in bytes
MOST_NAMES = 100  # of params, inputs and outputs, each
LONGEST_NAME = 100
MOST_FILES = 1000
LONGEST_PATH = 500
DEEPEST_PATH = 20
LONGEST_PART = 255  # of a path, in bytes: what file systems take
_REFUSED = re.compile(r"[\\\x00-\x1f\x7f]")


def check(wanted: SubmitJob) -> None:
    """Raise InvalidInput or TooLarge, which name the field, its limit and what to do."""
    for field, names in (
        ("params", wanted.params),
        ("inputs", wanted.inputs),
        ("outputs", wanted.outputs),
    ):
        _check_names(field, list(names))
    twice = sorted(wanted.params.keys() & wanted.inputs.keys())
    if twice:
        raise InvalidInput(f"{twice[0]} is a param and an input at once; rename one of them.")
    _check_params(wanted)
    _check_paths(wanted.files)
    _check_run(wanted)
    check_sizes(wanted.inputs, wanted.files)


def _check_names(field: str, names: list[str]) -> None:
    if len(names) > MOST_NAMES:
        raise TooLarge(
            f"{field} has {len(names):,} names, {MOST_NAMES} are the limit; put them into one dict."
        )
    for name in names:
        if (
            not name.isidentifier()
            or keyword.iskeyword(name)
            or len(name) > LONGEST_NAME
            # Python reads other spellings of a letter as this one, so the code would not find it.
            or unicodedata.normalize("NFKC", name) != name
            or (name.startswith("__") and name.endswith("__"))
        ):
            raise InvalidInput(
                f"{field} has the name {name[:100]!r}; a name there is a variable's: letters, "
                f"digits and underscores, at most {LONGEST_NAME}, no keyword and no __name__."
            )


def _check_params(wanted: SubmitJob) -> None:
    try:
        size = len(msgspec.json.encode(wanted.params))
        msgspec.msgpack.encode(wanted.params)
    except OverflowError:
        raise InvalidInput(
            "params has a whole number of more than 64 bits; send it as text."
        ) from None
    if size > LARGEST_PARAMS:
        raise TooLarge(
            f"params has {size:,} bytes as JSON, {LARGEST_PARAMS:,} are the limit; send larger "
            "values as inputs."
        )


def _check_paths(paths: Iterable[str]) -> None:
    """Refuse paths that could lead out of the job's folder of files, or that are none."""
    wanted = set(paths)
    if len(wanted) > MOST_FILES:
        raise TooLarge(
            f"files has {len(wanted):,} files, {MOST_FILES:,} are the limit; write them to the "
            "project repository and read them from there."
        )
    for path in wanted:
        parts = path.split("/")
        if (
            len(path) > LONGEST_PATH
            or len(parts) > DEEPEST_PATH
            or _REFUSED.search(path)
            or any(part in ("", ".", "..") or _bytes(part) > LONGEST_PART for part in parts)
        ):
            raise InvalidInput(
                f"files has the path {path[:100]!r}; a path there is relative, with / between "
                f"at most {DEEPEST_PATH} parts, without .., \\ and control characters, of at most "
                f"{LONGEST_PATH} characters."
            )
        folders = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        both = next((folder for folder in folders if folder in wanted), None)
        if both:
            raise InvalidInput(
                f"files has {both[:100]!r} as a file and as a folder; rename one of them."
            )


def _check_run(wanted: SubmitJob) -> None:
    """Refuse what does not fit the code: a script that is not sent, cells that are not there."""
    if wanted.script and wanted.script not in wanted.files:
        raise InvalidInput(f"script is {wanted.script[:100]!r}, which is none of the files sent.")
    size = sum(map(_bytes, wanted.arguments))
    if size > LARGEST_PARAMS or len(wanted.arguments) > MOST_FILES:
        raise TooLarge(
            f"arguments has {len(wanted.arguments):,} texts of {size:,} bytes; {MOST_FILES:,} of "
            f"{LARGEST_PARAMS:,} bytes are the limit; put them into a file."
        )
    lines = wanted.code.count("\n") + 1
    ascending = all(a < b for a, b in itertools.pairwise(wanted.cells))
    if wanted.cells and (wanted.cells[0] != 1 or not ascending or wanted.cells[-1] > lines):
        raise InvalidInput(
            f"cells are the lines at which cells begin, rising from 1 to at most {lines:,}."
        )


def _bytes(text: str) -> int:
    return len(text.encode())
