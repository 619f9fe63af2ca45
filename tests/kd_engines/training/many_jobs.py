"""Thousands of ended jobs in a project repository, written as an engine and its runners would."""

import hashlib
from pathlib import Path

import msgspec

from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.record import Exit, Started, Submitted

FIRST_NS = 1_700_000_000 * 10**9
APART_NS = 60 * 10**9


def write_jobs(jobs: Path, count: int, log: bytes = b"epoch 1/1 rmse=5.2\n") -> None:
    """Write ``count`` jobs, a minute apart, into the folder ``jobs`` that no engine uses yet.

    Each is of the users ada and bob in turn, named ``taxi-<id>``, with a param ``depth``; each
    tenth failed.
    """
    for job in range(1, count + 1):
        folder = jobs / str(job)
        folder.mkdir(parents=True)
        stamp = records.timestamp(FIRST_NS + job * APART_NS)
        code = f"print({job})".encode()
        submitted = Submitted(
            id=job,
            submitted=stamp,
            code_sha256=hashlib.sha256(code).hexdigest(),
            name=f"taxi-{job}",
            user=("ada", "bob")[job % 2],
            origin={"notebook": f"/home/ada/Rides {job % 7}.ipynb"},
            params={"depth": job % 10},
        )
        status = "Finished" if job % 10 else "Failed"
        (folder / records.CODE).write_bytes(code)
        (folder / records.LOG).write_bytes(log)
        started = Started(stamp, "node", pid=1)
        (folder / records.STARTED).write_bytes(msgspec.json.encode(started))
        (folder / records.EXIT).write_bytes(msgspec.json.encode(Exit(status, stamp)))
        (folder / records.JOB).write_bytes(msgspec.json.encode(submitted))
