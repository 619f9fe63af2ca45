"""A job as a notebook to keep: its cell, and what it printed and showed as the cell's output."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbformat.validator import isvalid

from jupyter_extension.magic_line import magic_line
from kd_client.attached import Attached
from kd_client.engines import magic_names
from kd_client.jobs import saved_reference
from kd_client.jobs.job import Job as JobHandle
from kd_client.jobs.outputs import latest_outputs
from kd_client.terminal.log_text import LogText
from kd_client.training_client import TrainingClient
from kd_pipeline.messages import Job, JobOutput
from kd_pipeline.quantities import size_text

# What a notebook holds of outputs; a browser has to open it.
MOST_OUTPUTS_BYTES = 32 * 1024 * 1024
MOST_LOG_BYTES = 1024 * 1024
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
_NO_FILE_NAME = re.compile(r"[^\w.-]+")


def job_notebook(attached: Attached, cluster: str, number: int) -> tuple[str, bytes]:
    """Return a file name and the notebook; of a long log it has the end."""
    client = attached.training(cluster)
    job = client.job(number)
    size = client.log_size(job)
    start = max(0, size - MOST_LOG_BYTES)
    log = client.log(number, start, size - start)
    outputs, left_out = _outputs(client, number)
    cell = new_code_cell(
        f"{magic_line(magic_names(attached).shown[client.name], job)}\n{client.code(number).code}",
        outputs=list(_cell_outputs(log, start, latest_outputs(outputs))),
        metadata={"kd_magics": saved_reference.reference(JobHandle(client, job))},
    )
    notes = [f"The log's first {size_text(start)} are left out."] if start else []
    if left_out:
        notes.append(f"{left_out} outputs are left out: they are too large, or none of Jupyter's.")
    notebook = new_notebook(
        cells=[new_markdown_cell(_description(job, client.name, notes)), cell],
        metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}},
    )
    nbformat.validate(notebook)
    name = _NO_FILE_NAME.sub("-", job.name).strip("-.")[:80]
    file_name = "-".join(part for part in (client.name, str(number), name) if part) + ".ipynb"
    return file_name, nbformat.writes(notebook).encode()


def _description(job: Job, cluster: str, notes: Sequence[str]) -> str:
    """Return what stands above the cell: the job, its params, its metrics, its origin."""
    metrics = job.progress.metrics if job.progress else {}
    status = job.status + (f": {job.reason}" if job.reason else "")
    fields: dict[str, Any] = {
        "Status": status,
        "User": job.user,
        "Submitted": job.submitted,
        "Started": job.started,
        "Ended": job.ended,
        **{f"Param {name}": json.dumps(value) for name, value in job.params.items()},
        **{f"Metric {name}": f"{value:.6g}" for name, value in metrics.items()},
        "Notebook": job.origin.get("notebook", "").rpartition("/")[2],
        "Git commit": job.origin.get("git_commit", ""),
    }
    lines = [f"- {name}: `{_one_line(value)}`" for name, value in fields.items() if value]
    title = f"# Job {cluster}/{job.id}" + (f": {_one_line(job.name)}" if job.name else "")
    return "\n".join([title, "", *lines, *(f"\n{note}" for note in notes)])


def _outputs(client: TrainingClient, number: int) -> tuple[list[JobOutput], int]:
    """Return a job's rich outputs that are Jupyter's own kind, and how many are left out."""
    found: list[JobOutput] = []
    size = left_out = after = 0
    while (page := client.outputs(number, after)).outputs:
        for entry in page.outputs:
            size += len(msgspec.json.encode(entry.output))
            if size > MOST_OUTPUTS_BYTES or not isvalid(entry.output, ref="output", version=4):
                left_out += 1
            else:
                found.append(entry)
        after = page.next
    return found, left_out


def _cell_outputs(log: bytes, start: int, outputs: Sequence[JobOutput]) -> Iterator[Any]:
    """Yield the log's text as a terminal shows it, with the outputs where they appeared."""
    text, position = LogText(), 0
    for entry in outputs:
        until = max(position, min(len(log), entry.offset - start))
        yield from _stream(text.feed(log[position:until]))
        position = until
        yield nbformat.from_dict(entry.output)
    yield from _stream(text.feed(log[position:]) + text.close())


def _stream(text: str) -> Iterator[Any]:
    if text:
        yield new_output("stream", name="stdout", text=text)


def _one_line(text: Any) -> str:
    return " ".join(str(text).replace("`", "'").split())
