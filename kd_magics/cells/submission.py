"""Send a cell: its options become a job, which is looked over first and then sent."""

import ast
import secrets
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from kd_client.attached import user_name
from kd_client.errors import BadOptions, RemoteJobError
from kd_client.jobs.job import Job
from kd_client.training_client import TrainingClient
from kd_magics import face
from kd_magics.cards import card
from kd_magics.cells import cell_options, preflight
from kd_magics.cells.bindings import bind_outputs
from kd_magics.cells.cell_needs import parsed, replaced_params
from kd_magics.cells.provenance import notebook_folder
from kd_magics.cells.script import NO_FILE, Source
from kd_magics.cells.sweeps import Sweep
from kd_magics.cells.transfer import collect_files, collect_values, sent_line
from kd_magics.errors import EmptyCell, InvalidCell
from kd_magics.output import logs
from kd_magics.session import Session
from kd_pipeline.errors import InvalidInput, TooLarge
from kd_pipeline.messages import Resources, SubmitJob

LARGEST_CELL = 4 * 1024 * 1024
LONGEST_NAME = 200
FIRST_LINE = 2  # of a cell's code: the first line of the cell is the magic's own


@dataclass(frozen=True)
class Cell:
    """A cell as it was run: the magic's name, its cluster, its line and what is below.

    ``source`` is what a file has beside its code; a cell has nothing.
    """

    magic: str
    cluster: str
    line: str
    code: str
    source: Source = NO_FILE


def submit(session: Session, cell: Cell) -> None:
    """Send a cell to its cluster, as its line says."""
    submit_with(
        session, cell, cell_options.parser(cell.magic).read(cell.line, session.shell.user_ns)
    )


def submit_with(session: Session, cell: Cell, options: Namespace) -> None:
    """Send a cell and print its history URL; wait where that is asked for."""
    client = session.training(cell.cluster)
    jobs = checked_jobs(session, cell, options)
    if options.dry_run:
        _show_dry_run(client, jobs)
        return
    sent = send_jobs(session, client, jobs, options, _print_url)
    for line in _notes(jobs[0]) if client.cluster.runs_python else ():
        print(line)
    if options.grid:
        _go_on_with_grid(session, options)
    elif options.wait:
        _wait(session, sent[0], options)
    else:
        card.show(session, sent[0])


def checked_jobs(session: Session, cell: Cell, options: Namespace) -> list[SubmitJob]:
    """Return the jobs that a cell asks for, one for each point of --grid, all looked over.

    Raises InvalidInput, and PreflightFailed where they would fail on the engine.
    """
    client = session.training(cell.cluster)
    check_cell(cell.code, cell.magic, client.cluster.runs_python)
    wanted = _wanted(session, cell, options)
    jobs = [
        msgspec.structs.replace(wanted, params={**wanted.params, **params}, name=_name(options, n))
        for n, params in enumerate(cell_options.grid(options.grid))
    ]
    looks = session.settings.preflight and not options.no_preflight
    if (options.dry_run or looks) and client.cluster.runs_python:
        preflight.check(client, jobs[0], session.shell.user_ns, patient=options.dry_run)
    return jobs


def check_cell(cell: str, magic: str, is_python: bool = True) -> None:
    """Raise EmptyCell, TooLarge or InvalidCell where a cell cannot run anywhere.

    One that is not Python is looked at for its size alone.
    """
    size = len(cell.encode(errors="surrogatepass"))
    if size > LARGEST_CELL:
        raise TooLarge(
            f"The {face.code()} has {size:,} bytes, {LARGEST_CELL:,} are the limit; nothing was "
            f"sent. {face.typed('put', 'FILE')} puts data and modules into the project repository; "
            "read them from there."
        )
    if not is_python and cell.strip():
        return
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = compile(cell, "<cell>", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        raise InvalidCell(_syntax_sentence(cell, error)) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidCell(
            f"The {face.code()} is not valid Python: {error}; nothing was sent."
        ) from None
    if not tree.body:
        where = "in the file" if face.in_terminal() else f"below %%{magic}"
        raise EmptyCell(f"There is no code {where}, so nothing was sent.")


def _wanted(session: Session, cell: Cell, options: Namespace) -> SubmitJob:
    """Return the job that a cell and its options ask for, without what --grid varies."""
    if len(options.name) > LONGEST_NAME or not options.name.isprintable():
        raise InvalidInput(
            f"--name has at most {LONGEST_NAME} printable characters; nothing was sent."
        )
    params: dict[str, Any] = dict(options.param)
    for other, names in (("--param", {*params}), ("--grid", {name for name, _ in options.grid})):
        if twice := sorted(names & {*options.inputs}):
            raise BadOptions(f"{twice[0]} is given by --in and by {other}.")
    return SubmitJob(
        code=cell.code,
        user=user_name(),
        env=session.mlflow | cell_options.environment(options.env, cell.line),
        credentials=session.credentials,
        timeout_s=options.timeout,
        origin=session.origin(),
        first_line=getattr(session.shell, "first_line", FIRST_LINE),
        params=params,
        inputs=collect_values(options.inputs, session.shell.user_ns, options.pickle),
        outputs=list(dict.fromkeys(options.outputs)),
        pickle_outputs=options.pickle,
        files=collect_files(options.files, notebook_folder()) | cell.source.files,
        script=cell.source.script,
        arguments=getattr(options, "arguments", []),
        cells=cell.source.cells,
        requirements=cell_options.requirements(options.requirements),
        resources=Resources(options.cpus, options.memory, options.gpus),
        clean=options.clean,
    )


def _name(options: Namespace, number: int) -> str:
    name: str = options.name
    return f"{name}-{number + 1}"[-LONGEST_NAME:] if name and options.grid else name


def send_jobs(
    session: Session,
    client: TrainingClient,
    jobs: list[SubmitJob],
    options: Namespace,
    told: Callable[[Job], None] = lambda _: None,
) -> list[Job]:
    """Send jobs, each with a key by which a repeated call starts no second one."""
    sent: list[Job] = []
    try:
        for wanted in jobs:
            wanted.idempotency_key = secrets.token_hex(16)
            job = session.keep(client, client.submit(wanted))
            job.allow_pickle = options.pickle
            sent.append(job)
            told(job)
    finally:  # the jobs that were sent go on, also where the engine takes no more of them
        names = [options.variable] if options.variable else []
        if options.grid and sent:
            sweep = Sweep(sent, [name for name, _ in options.grid])
            session.shell.user_ns |= dict.fromkeys(["_jobs", *names], sweep)
        elif sent:
            session.shell.user_ns |= dict.fromkeys(names, sent[0])
    return sent


def _print_url(job: Job) -> None:
    print(f"History URL: {job.url}", flush=True)


def _notes(wanted: SubmitJob) -> list[str]:
    """Return the lines below the first: what was sent, and which params come to nothing."""
    line = sent_line(wanted.inputs, {n: c for n, c in wanted.files.items() if n != wanted.script})
    replaced = replaced_params(parsed(wanted.code), wanted.params)
    return [
        *([line] if line else []),
        *(
            f"{name} is set in line {number + wanted.first_line - 1} of the {face.code()}, which "
            "replaces the param."
            for name, number in replaced.items()
        ),
    ]


def _show_dry_run(client: TrainingClient, jobs: list[SubmitJob]) -> None:
    what = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
    count = len(jobs[0].code.splitlines())
    lines = "1 line" if count == 1 else f"{count:,} lines"
    print(f"Nothing was sent. It would be {what} on {client.name}, {lines} of code each.")
    for line in _notes(jobs[0]):
        print(line.replace("Sent:", "It would take along:", 1))
    for job in jobs if len(jobs) > 1 or jobs[0].params else []:
        print("Params: " + ", ".join(f"{name}={value!r}" for name, value in job.params.items()))


def _go_on_with_grid(session: Session, options: Namespace) -> None:
    """Show the jobs of a grid, and wait for them where that is asked for."""
    sweep = session.shell.user_ns["_jobs"]
    with sweep.left_alone():
        shown = card.show_grid(session, sweep)
    if not options.wait:
        print(f"{len(sweep)} jobs; _jobs shows them as a table, _jobs.best() the best one.")
        return
    try:
        with _raising(options):
            sweep.wait_well()
    finally:
        if shown:
            shown.update()


def _wait(session: Session, job: Job, options: Namespace) -> None:
    """Follow a job, and take what it gives back."""
    with _raising(options):
        logs.follow(job, logs.Wanted(settings=session.settings), first_line=False)
        bind_outputs(job, session.shell.user_ns)


@contextmanager
def _raising(options: Namespace) -> Iterator[None]:
    """Raise the RemoteJobError of a job that did not finish, or with --no-raise print it."""
    try:
        yield
    except RemoteJobError as error:
        if not options.no_raise:
            raise
        print(face.whole(error))


def _syntax_sentence(cell: str, error: SyntaxError) -> str:
    lines = cell.splitlines()
    number = min(error.lineno or 1, len(lines) or 1)
    text = lines[number - 1].strip()[:120] if lines else ""
    advice = ""
    if text.startswith(("%", "!")):
        advice = " Magics and ! commands work in a notebook only, not in a job."
    where = f"line {number}" if face.in_terminal() else f"line {number} below the cell's first line"
    return (
        f"The {face.code()} is not valid Python ({where}: {error.msg}): {text!r}. Nothing was sent."
        f"{advice}"
    )
