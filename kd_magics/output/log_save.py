"""``%logs --save FILE``: a job's log as a file, whole or not at all."""

import secrets
from collections.abc import Iterator
from pathlib import Path

from kd_client.jobs.job import Job
from kd_client.terminal.log_text import LogText
from kd_magics.output import log_parts
from kd_pipeline.errors import InvalidInput
from kd_pipeline.quantities import size_text


def save(job: Job, path: Path, start: int, end: int, text: LogText | None = None) -> str:
    """Write a log's bytes from ``start`` to ``end``, or what ``text`` lets through of them.

    Returns a sentence that says how much that is; raises InvalidInput where the file cannot be
    written, and Unavailable where the engine stays away. A file that was there is replaced.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    lines = size = 0
    ends_line = True
    try:
        with temporary.open("xb") as file:
            for piece in _pieces(job, start, end, text):
                file.write(piece)
                lines, size = lines + piece.count(b"\n"), size + len(piece)
                ends_line = piece.endswith(b"\n")
        temporary.replace(path)
    except OSError as error:
        raise InvalidInput(
            f"--save: {path} cannot be written ({error.strerror or error}); give a file in a "
            "folder that exists and may be written."
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
    return f"Saved {lines + (not ends_line):,} lines ({size_text(size)}) to {path}"


def _pieces(job: Job, start: int, end: int, text: LogText | None) -> Iterator[bytes]:
    for piece in log_parts.read(job, start, end):
        if shown := piece if text is None else text.feed(piece).encode(errors="replace"):
            yield shown
    if text and (rest := text.close()):
        yield rest.encode(errors="replace")
