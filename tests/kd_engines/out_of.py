"""Take file handles or disk space from a process that runs, and give them back (Linux)."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil


@contextmanager
def file_handles(pid: int) -> Iterator[None]:
    """Let a process open no further file meanwhile."""
    with _limit(pid, resource.RLIMIT_NOFILE, 1):
        yield


@contextmanager
def disk_space(pid: int) -> Iterator[None]:
    """Let a process write nothing to files meanwhile, nor what it starts then."""
    with _limit(pid, resource.RLIMIT_FSIZE, 0):
        yield


@contextmanager
def _limit(pid: int, what: int, least: int) -> Iterator[None]:
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (least, before[1]))
    try:
        yield
    finally:
        with suppress(psutil.Error, ProcessLookupError):  # it may have ended meanwhile
            resource.prlimit(pid, what, before)
            for process in psutil.Process(pid).children(recursive=True):
                with suppress(ProcessLookupError):
                    resource.prlimit(process.pid, what, before)
