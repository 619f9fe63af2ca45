"""%rerun: a job's code, values and files once more, with other params where wanted."""

import secrets

from kd_client.attached import user_name
from kd_magics.cells import cell_options
from kd_magics.cells.bindings import bind_outputs
from kd_magics.jobs import job_reference
from kd_magics.options import Options
from kd_magics.output import logs
from kd_magics.session import Session
from kd_pipeline.messages import RerunJob


def parser() -> Options:
    """Return the parser of %rerun."""
    options = Options("%rerun")
    options.add_argument("job", nargs="?", metavar="[CLUSTER/]JOB")
    options.add_argument(
        "--param", type=cell_options.param, action="append", default=[], metavar="NAME=VALUE"
    )
    options.add_argument("--name")
    options.add_argument("--wait", action="store_true")
    return options


def rerun(session: Session, line: str) -> None:
    """Send a job once more and print the new one's history URL; wait where that is asked for."""
    options = parser().read(line, session.shell.user_ns)
    job = (
        job_reference.named(session, options.job, "%rerun")
        if options.job
        else session.last_job("%rerun")
    )
    message = job.client.rerun(
        job.id,
        RerunJob(
            params=dict(options.param),
            name=options.name,
            user=user_name(),
            idempotency_key=secrets.token_hex(16),
            origin=session.origin(),
        ),
    )
    new = session.keep(job.client, message)
    new.allow_pickle = job.allow_pickle
    print(f"History URL: {new.url}", flush=True)
    if options.wait:
        logs.follow(new, logs.Wanted(settings=session.settings), first_line=False)
        bind_outputs(new, session.shell.user_ns)
