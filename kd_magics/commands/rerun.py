"""Send a job's code, values and files once more, with other params where wanted."""

from argparse import Namespace
from typing import Any

from kd_client.jobs.job import Job
from kd_magics.cards import card
from kd_magics.cells import cell_options
from kd_magics.cells.bindings import bind_outputs
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.output import logs
from kd_magics.session import Session

HELP = Help(
    usage=("[[CLUSTER/]JOB] [--param NAME=VALUE]… [--name NAME] [--wait]",),
    notebook="""
    Without a job it is the last one of this notebook. The new job is in the variable _job.
    """,
    text="""
    --param lr=0.1   replaces a param that the job has; may be given again
    --name NAME      what the new job is called in lists
    --wait           follow its log; a job that fails is an error
    """,
    notebook_examples=("",),
    examples=("9 --param lr=0.01 --wait",),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("rerun")
    options.add_argument("job", nargs="?", metavar="[CLUSTER/]JOB")
    options.add_argument(
        "--param", type=cell_options.param, action="append", default=[], metavar="NAME=VALUE"
    )
    options.add_argument("--name")
    options.add_argument("--wait", action="store_true")
    return options


def run(session: Session, options: Namespace) -> None:
    """Send a job once more and print the new one's history URL; wait where that is asked for."""
    new = _sent(session, options)
    print(f"History URL: {new.url}", flush=True)
    if options.wait:
        logs.follow(new, logs.Wanted(settings=session.settings), first_line=False)
        bind_outputs(new, session.shell.user_ns)
    else:
        card.show(session, new)


def data(session: Session, options: Namespace) -> Any:
    """Return the new job; with --wait when it has ended, and raises RemoteJobError as `run`."""
    new = _sent(session, options)
    if options.wait:
        new.wait().raise_unless_well()
    return new.last


def _sent(session: Session, options: Namespace) -> Job:
    job = session.job_or_last(options.job, "rerun")
    new = job.rerun(dict(options.param), options.name, session.origin(), session.credentials)
    kept = session.keep(new.client, new.last)
    kept.allow_pickle = new.allow_pickle
    return kept
