"""Send code to a training cluster, as a job: a file from a terminal, a cell from a notebook.

The help is also that of the cell magics.
"""

from argparse import Namespace
from typing import Any

from kd_client.errors import BadOptions
from kd_magics.cells import cell_options, script
from kd_magics.cells.submission import Cell, checked_jobs, send_jobs, submit_with
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session

HELP = Help(
    terminal_usage=(
        "FILE [--cluster CLUSTER] [--wait] [--name NAME] [--param NAME=VALUE]… … [-- ARGUMENTS]",
    ),
    usage=("[--wait] [--name NAME] [--param NAME=VALUE]… [--files PATHS] …",),
    notebook="""
    The cell does not run here. It runs on the cluster, in the project repository's folder; files
    that it writes to `models/` are in the project repository when it is done. The job goes on when
    the notebook is closed.

    -o VAR            the variable of the job, beside _job
    --in A,B          send these variables: JSON, and Arrow for tables and arrays
    --out M,N         keep these variables of the job: _job.result, with --wait variables here too
    --pickle          send as a pickle what is neither, and read the pickles that the job keeps,
                      which runs its code here and wants the same minor version of Python

    Values may be variables of the notebook: --name "run {{number}}" --param lr={{rate}}. The job is
    in the variable _job: _job.status, _job.log(), _job.wait(), _job.cancel(), _job.result; the jobs
    of a grid are in _jobs: _jobs.wait(), _jobs.best("rmse"). See {logs}?, {why}?, {cancel}?.
    """,
    terminal="""
    FILE is a Python file, a notebook (.ipynb), or - for standard input. It runs on the cluster as
    `python FILE ARGUMENTS` would, in the project repository's folder; files that it writes to
    `models/` are in the project repository when it is done. The modules beside it that it imports
    are sent along; what it opens beside itself is sent with --files.

    --cluster C       the training cluster, where several are connected
    --out M,N         keep these variables of the job, for whoever asks for its result
    """,
    text="""
    --wait            follow the log; a job that fails is an error
    --no-raise        with --wait: print why a job failed, and go on
    --name NAME       what the job is called in lists
    --files PATHS     send these files and folders, such as util.py,trips.csv; the code imports
                      and opens them by these names; what opens files without Python,
                      such as polars, finds them in the folder KD_JOB_FILES
    --param lr=0.1    a variable of the code; may be given again. Its value is JSON or a Python
                      literal (1e-3, .5, True, None, nan, [1, 2]), and whatever is neither is text
    --grid lr=0.1,1   a job for each of the values, and for each combination with further --grid
    --env NAME=VALUE  a variable of the environment, no secret; may be given again
    --requirements R  packages to install for it, such as "polars==1.9", or a requirements.txt
    --timeout TIME    end the job after 90s, 2h, 1h30m or so many seconds
    --cpus, --memory, --gpus    what the job wants for itself, such as --cpus 2 --memory 4g --gpus 1
    --clean           start a Python for this job alone, not a fork of one that has imported the
                      libraries of earlier jobs
    --dry-run         say what would be sent and what it would miss there, and send nothing
    --no-preflight    send without looking for names, modules and files that would be missing
    --help            show this
    """,
    notebook_examples=(
        '--wait --name first-try\n    print("hello from the cluster")\n',
        "--in rides --param depth=6 --out score --wait\n"
        '    score = rides["duration"].mean() / depth\n',
        '--grid lr=0.1,0.01 --grid depth=3,6\n    print(f"rmse={lr * depth}")',
    ),
    terminal_examples=(
        "train.py --wait --name first-try",
        "train.py --cluster training-engine-instance --grid lr=0.1,0.01",
        "- --param depth=6 < train.py",
    ),
)


def parser() -> Options:
    """Return the parser."""
    options = cell_options.parser("")
    options.prog, options.takes_arguments = "kd train", True
    options.add_argument("file", metavar="FILE")
    options.add_argument("--cluster", metavar="CLUSTER")
    return options


def run(session: Session, options: Namespace) -> None:
    """Send a file and print the job's history URL; wait where that is asked for."""
    submit_with(session, _cell(session, options), options)


def data(session: Session, options: Namespace) -> Any:
    """Return the jobs that were sent; with --wait when all have ended, raises RemoteJobError."""
    if options.dry_run:
        raise BadOptions("--dry-run sends no job that --json could print; leave out one of them.")
    cell = _cell(session, options)
    client = session.training(cell.cluster)
    sent = send_jobs(session, client, checked_jobs(session, cell, options), options)
    for job in sent if options.wait else ():
        job.wait()
        if not options.no_raise:
            job.raise_unless_well()
    return {"jobs": [job.last for job in sent]}


def _cell(session: Session, options: Namespace) -> Cell:
    client = session.training(options.cluster) if options.cluster else session.only_training()
    source = script.read(options.file)
    # All of --env counts as written here: what a shell has put in is not told from it.
    line = " ".join(f"{name}={value}" for name, value in options.env)
    return Cell(client.name, client.name, line, source.code, source)
