"""Show a job's status, log and figures, once or as they come, or save the log."""

import argparse
import re
from argparse import Namespace
from pathlib import Path

from kd_client.errors import BadOptions
from kd_magics import named_jobs
from kd_magics.help import Help
from kd_magics.options import Options, count
from kd_magics.output import log_times, logs, tracebacks
from kd_magics.session import Session

HELP = Help(
    usage=(
        "[[CLUSTER/]JOB | HISTORY_URL] [-f] [--tail LINES] [--since TIME]\n"
        "        [--grep REGEX] [--save FILE] [--traceback]",
    ),
    notebook="""
    Without a job it is the last one of this notebook, or else the cluster's newest. With -f a job
    that fails is an error of this cell, so that "Run All" stops. Interrupting stops the watching,
    not the job; interrupting again within 3 seconds cancels the job. _job.log() returns all.
    """,
    terminal="""
    Without a job it is the cluster's newest. With -f a job that fails is exit status 1. Ctrl-C
    stops the watching, not the job; Ctrl-C again within 3 seconds cancels the job.
    """,
    text="""
    Of a long log the last 1,000 lines are shown; progress bars are one line, as in a terminal.

    -f, --follow   show what comes until the job ends
    --tail LINES   only the last lines
    --since TIME   only what was written after a time: 10m (ago) or 2026-11-25T10:00
    --grep REGEX   only the lines that match, without figures; in single quotes where it has
                   a $ or a {{, which else name variables
    --save FILE    write the whole log to a file instead
    --traceback    only the traceback of a job that failed, with every frame of the libraries
    --url URL      the job of a history URL, at a connected cluster; --url may be left out
    """,
    examples=(
        "",
        "-f",
        "9 --tail 20",
        "training-engine-instance/9 --grep 'loss|error$'",
        "--save first-try.log",
        "9 --traceback",
    ),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("logs")
    options.add_argument("job", nargs="?", metavar="[CLUSTER/]JOB")
    options.add_argument("--url", metavar="HISTORY_URL")
    options.add_argument("-f", "--follow", action="store_true")
    options.add_argument("--tail", type=count, metavar="LINES")
    options.add_argument("--since", type=log_times.since, metavar="TIME")
    options.add_argument("--grep", type=_pattern, metavar="REGEX")
    options.add_argument("--save", metavar="FILE")
    options.add_argument("--traceback", action="store_true")
    return options


def run(session: Session, options: Namespace) -> None:
    """Show the log of a job; raises RemoteJobError where it was followed and did not end well."""
    if options.job and "://" in options.job and not options.url:
        options.job, options.url = None, options.job
    if options.job and options.url:
        raise BadOptions("Give a job or a URL, not both.")
    if options.save and (options.follow or options.tail):
        raise BadOptions("--save keeps the whole log so far; leave out -f and --tail.")
    others = (options.save, options.follow, options.tail, options.since, options.grep)
    if options.traceback and any(others):
        raise BadOptions("--traceback shows all of it; leave out the other options.")
    if options.url:
        job = named_jobs.find_url(session, options.url)
    else:
        job = named_jobs.find(session, options.job)
    if options.traceback:
        print(tracebacks.of(job))
        return
    wanted = logs.Wanted(options.tail, options.since, options.grep, session.settings)
    if options.save:
        logs.save(job, Path(options.save).expanduser(), wanted)
    elif options.follow:
        logs.follow(job, wanted)
    else:
        logs.show(job, wanted)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a valid pattern: {error}") from None
