"""Say in a sentence why a job waits, or ended as it did; and the variables of what failed."""

from argparse import Namespace
from html import escape

from kd_client.jobs.failures import frame_lines
from kd_client.jobs.reasons import Why
from kd_magics import face
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.screen import show_bundle
from kd_magics.session import Session
from kd_magics.tables import Table
from kd_pipeline import plain_text
from kd_pipeline.messages import Variable
from kd_pipeline.quantities import size_text

LONGEST_TEXT = 80
HELP = Help(
    usage=("[[CLUSTER/]JOB]",),
    notebook="Without a job it is the last one of this notebook.",
    text="""
    Of a job that failed you see the frames of the traceback with their variables as they were:
    type, shape, value.
    """,
    notebook_examples=("",),
    examples=("9", "training-engine-instance/9"),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("why")
    options.add_argument("job", nargs="?", metavar="[CLUSTER/]JOB")
    return options


def run(session: Session, options: Namespace) -> None:
    """Show why a job waits, or ended as it did."""
    found = data(session, options)
    words = face.worded(found.hint) if found.hint else ""
    sentence = f"{found.sentence} {words}".rstrip()
    sentence = plain_text.lines(sentence)
    text = [sentence, *(f"  | {line}" for line in found.log)]
    html = [f"<div><b>{escape(sentence)}</b></div>"]
    if found.log:
        html.append(f"<pre>{escape(chr(10).join(found.log))}</pre>")
    for frame in found.frames:
        table = _variables(frame.variables)
        text += ["", *frame_lines(frame), *(f"    {row}" for row in table.text.splitlines())]
        place = escape("\n".join(frame_lines(frame)))
        html.append(f"<pre>{place}</pre>{table.html}")
    show_bundle({"text/plain": "\n".join(text), "text/html": "".join(html)})


def data(session: Session, options: Namespace) -> Why:
    """Return why a job is as it is."""
    return session.job_or_last(options.job, "why").why()


def _variables(variables: list[Variable]) -> Table:
    """Return a frame's variables as a table."""
    rows = [[v.name, v.kind, _size(v), _one_line(v.text)] for v in variables]
    return Table(["Variable", "Type", "Size", "Value"], rows)


def _size(variable: Variable) -> str:
    shape = " × ".join(f"{n:,}" for n in variable.shape) if variable.shape else ""  # noqa: RUF001
    size = size_text(variable.size_bytes) if variable.size_bytes else ""
    return ", ".join(part for part in (shape, variable.dtype or "", size) if part)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "…"
