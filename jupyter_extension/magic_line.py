"""A job's options as the first line of a cell that sends the same again: ``%%train --name x``."""

import json
import keyword
import shlex
from collections.abc import Iterator

from kd_pipeline.messages import Job

UNITS = {"t": 1024**4, "g": 1024**3, "m": 1024**2, "k": 1024}


def magic_line(magic: str, job: Job) -> str:
    """Return ``%%magic`` with the options of a job; variables it was sent are named by --in.

    Left out is what the engine does not tell (--env, --pickle), and a param whose name no variable
    can have.
    """
    return " ".join([f"%%{magic}", *_words(job)])


def _words(job: Job) -> Iterator[str]:
    if job.name:
        yield from _option("--name", job.name)
    for name, value in job.params.items():
        if name.isidentifier() and name.isascii() and not keyword.iskeyword(name):
            yield from _option("--param", f"{name}={json.dumps(value, ensure_ascii=False)}")
    for option, names in (("--in", job.inputs), ("--out", job.outputs), ("--files", job.files)):
        if names:
            yield from _option(option, ",".join(names))
    for requirement in job.requirements:
        yield from _option("--requirements", requirement)
    if job.timeout_s is not None:
        yield from _option("--timeout", f"{_number(job.timeout_s)}s")
    wanted = job.resources
    if wanted.cpus is not None:
        yield from _option("--cpus", _number(wanted.cpus))
    if wanted.memory_bytes is not None:
        yield from _option("--memory", _size(wanted.memory_bytes))
    if wanted.gpus is not None:
        yield from _option("--gpus", str(wanted.gpus))
    if job.clean:
        yield "--clean"


def _option(name: str, value: str) -> Iterator[str]:
    """Yield an option and its value, quoted so that nothing in it is taken for a variable."""
    if value.startswith("-"):
        yield shlex.quote(f"{name}={value}")
    else:
        yield name
        yield shlex.quote(value)


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _size(size: int) -> str:
    """Return bytes as --memory reads them, in the largest unit that is exact."""
    for unit, factor in UNITS.items():
        if size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)
