"""Starts the runners of jobs, and passes on what they tell through their pipes."""

import asyncio
import contextlib
import functools
import itertools
import logging
import os
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from kd_engines.training.job_folder.record import Record
from kd_engines.training.queue import launch
from kd_engines.training.queue.admission import Held, variables
from kd_engines.training.queue.usual_imports import LONGEST, Imports, imports_of
from kd_engines.training.queue.warm_start import WarmStart
from kd_engines.training.store.job_store import JobStore
from kd_engines.training.store.submissions import HIGHEST_ID
from kd_pipeline.errors import KdError

log = logging.getLogger(__name__)

REMEMBERED = 50  # jobs
BEGINS_WITHIN_S = 10.0  # a job that was handed to a warm parent


class Hears(Protocol):
    """Who is told what becomes of a job's runner."""

    def begun(self, job: int) -> None:
        """Take it that the job has begun."""

    def over(self, job: int) -> None:
        """Take it that the job's end is written."""

    async def gone(self, job: int, how: str) -> None:
        """Take it that the runner is gone; ``how`` says in words how it ended."""


class Launcher:
    """The runners that this engine has started."""

    def __init__(
        self,
        store: JobStore,
        cluster: str,
        tokens: Callable[[], frozenset[str]],
        hears: Hears,
    ) -> None:
        self._store, self._cluster, self._tokens = store, cluster, tokens
        self._hears = hears
        # None: a warm parent's, which is no child of ours.
        self.runners: dict[int, subprocess.Popen[bytes] | None] = {}
        self._waits: dict[int, asyncio.TimerHandle] = {}
        self._refused: set[int] = set()  # what a warm parent has not started
        self._tasks: set[asyncio.Task[None]] = set()
        self._warm = WarmStart(store.root, self._base)

    def _base(self) -> Mapping[str, str]:
        return launch.base_environment(self._store.root, self._cluster, {}, self._tokens())

    def look_after(self) -> None:
        """Keep ready what makes starts quick."""
        self._warm.look_after()

    async def remember(self) -> None:
        """Take in what the newest jobs have imported, as those before the engine's start did."""
        try:
            for imports in reversed(await asyncio.to_thread(self._newest)):
                self._warm.saw(imports)
        except (KdError, OSError) as error:  # the jobs that start tell it too
            log.warning("what jobs have imported is not known: %s", error)
        except Exception:  # whoever looks after the queue must go on
            log.exception("what jobs have imported is not known")

    def _newest(self) -> list[Imports]:
        newest = itertools.islice(self._store.newest(HIGHEST_ID + 1), REMEMBERED)
        return [imports_of(self._store.code(record.job.id, LONGEST)) for record in newest]

    def close(self) -> None:
        """End what is kept ready."""
        self._warm.close()

    def start(self, record: Record, held: Held) -> None:
        """Start a job's runner; raises KdError and OSError where that cannot be."""
        job, store = record.job.id, self._store
        folder = store.folder / str(job)
        own = store.credentials(job) | variables(held, record.job.env)
        environment = launch.job_environment(
            job, folder, store.root, self._cluster, own, self._tokens()
        )
        start = launch.Launch(folder, store.root, record.job, environment, held.gpus)
        imports = imports_of(store.code(job, LONGEST))
        self._warm.saw(imports)
        ours, theirs = os.pipe()
        try:
            runner = parent = None
            if job not in self._refused:
                parent = self._warm.hand_over(start, imports, theirs)
            if parent is None:
                runner = start.start_runner(theirs)
                self._refused.discard(job)
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        self.runners[job] = runner
        os.set_blocking(ours, False)
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, functools.partial(self._on_event, job, ours))
        if parent is not None:
            self._waits[job] = loop.call_later(BEGINS_WITHIN_S, parent.end)

    def forget(self, job: int) -> None:
        """Drop a job that is not started again."""
        self._refused.discard(job)

    def retries(self, job: int) -> bool:
        """Tell whether a job that did not begin is started in another way with the next try."""
        return job in self._refused

    def _on_event(self, job: int, pipe: int) -> None:
        """Take what a runner tells: started, ended, or gone."""
        with contextlib.suppress(BlockingIOError):
            events = os.read(pipe, 16)
            if waits := self._waits.pop(job, None):
                waits.cancel()
                if not events:
                    self._refused.add(job)
            if events:
                if b"e" in events:
                    self._hears.over(job)
                else:
                    self._hears.begun(job)
                return
            asyncio.get_running_loop().remove_reader(pipe)
            os.close(pipe)
            self._keep(self._on_gone(job))

    async def _on_gone(self, job: int) -> None:
        runner = self.runners.get(job)
        how = f"with {await asyncio.to_thread(runner.wait)}" if runner else "with its warm parent"
        self.runners.pop(job, None)
        await self._hears.gone(job, how)

    def _keep(self, awaited: Awaitable[None]) -> None:
        task = asyncio.ensure_future(awaited)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
