"""Compiling many models: by forks of one process that has imported what that takes.

One or two models alone are compiled by their own workers; that they all import the same libraries
costs nothing then. The processes here end when nothing is left to compile.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable

from kd_engines.deployment.priority import CalmProcess
from kd_engines.deployment.turns import Turns
from kd_engines.deployment.wire import Go, Loaded, Spec, frame
from kd_engines.deployment.worker_group import WorkerGroup
from kd_engines.deployment.worker_process import PARSE_S, WorkerProcess
from kd_engines.deployment.worker_replica import WorkerReplica
from kd_pipeline.errors import LoadFailed

log = logging.getLogger("kd_engines.deployment")
MANY = 3  # models that are loaded at a time
# So many have processes, or threads, before they serve; which of them computes is Turns' business.
MOST_BEGUN = 32
PLACE_S = 10.0
IMPORT_S = 120.0
IDLE_S = 5.0


class Compilers:
    """The processes that others are forked from to compile models, one for each format."""

    def __init__(self, group: WorkerGroup, root: str) -> None:
        self._group, self._root = group, root
        self._places = asyncio.Semaphore(MOST_BEGUN)
        self._begun = 0
        self._wanted: Counter[str] = Counter()
        self._processes: dict[str, asyncio.Task[WorkerProcess]] = {}
        self._ends: dict[str, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[Callable[[], object]]:
        """Wait until a further model may be loaded, and count it while it is.

        What comes is to be called once it has its turn: who loads for long holds up no others.
        """
        self._begun += 1
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self._places.release()

        try:
            await self._places.acquire()
            loop = asyncio.get_running_loop()
            try:
                yield lambda: loop.call_later(PLACE_S, leave)
            finally:
                leave()
        finally:
            self._begun -= 1

    async def compiled(
        self, format_name: str, spec: Spec, turns: Turns, limit_s: float
    ) -> Loaded | None:
        """Return what a model of a known format was compiled to.

        None where a worker has to do it: there are few, or this failed; it will say why.
        """
        if self._begun < MANY:
            return None
        self._wanted[format_name] += 1
        try:
            process = await asyncio.shield(self._process(format_name))
            return await CompilingFork(process).compiled(spec, turns, limit_s)
        except (LoadFailed, OSError) as error:
            log.info("%s is compiled by a worker: %s", spec.path, error)
            return None
        finally:
            self._wanted[format_name] -= 1
            if not self._wanted[format_name]:
                self._end_later(format_name)

    async def close(self) -> None:
        """End them all."""
        for format_name in list(self._processes):
            await self._end(format_name)

    def _process(self, format_name: str) -> "asyncio.Task[WorkerProcess]":
        if timer := self._ends.pop(format_name, None):
            timer.cancel()
        known = self._processes.get(format_name)
        if known and known.done() and (known.exception() or known.result().gone):
            known = None
        if known is None:
            known = asyncio.get_running_loop().create_task(self._start(format_name))
            self._processes[format_name] = known
        return known

    async def _start(self, format_name: str) -> WorkerProcess:
        process = WorkerProcess(self._group, lambda *_: None, lambda _: None)
        await process.parse(Spec("", b"", "", self._root, IMPORT_S, format_name), calmly=True)
        await process.load(IMPORT_S)
        return process

    def _end_later(self, format_name: str) -> None:
        if format_name in self._processes and format_name not in self._ends:
            loop = asyncio.get_running_loop()
            self._ends[format_name] = loop.call_later(IDLE_S, self._end_unwanted, format_name)

    def _end_unwanted(self, format_name: str) -> None:
        self._ends.pop(format_name, None)
        if not self._wanted[format_name]:
            task = asyncio.get_running_loop().create_task(self._end(format_name))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end(self, format_name: str) -> None:
        task = self._processes.pop(format_name, None)
        if task is None:
            return
        if not task.done():
            task.cancel()  # which ends its process
        with contextlib.suppress(LoadFailed, OSError, asyncio.CancelledError):
            await (await task).stop()


class CompilingFork(WorkerReplica):
    """A fork that compiles one model, says what came of it, and ends."""

    WORDS = 3

    def __init__(self, process: WorkerProcess) -> None:
        super().__init__(process, lambda *_: None, lambda _: None)

    async def compiled(self, spec: Spec, turns: Turns, limit_s: float) -> Loaded | None:
        """Return what ``spec`` was compiled to; raises LoadFailed, OSError."""
        await self.start(PARSE_S)
        calm = CalmProcess(self.pid)
        try:
            self._tell(frame(spec))
            await self._next_word(PARSE_S, "Parsing", "")
            async with turns.turn(self.pid):
                self._tell(frame(Go()))
                return (await self._next_word(limit_s, "Loading", " (KD_LOAD_TIMEOUT_S)")).loaded
        finally:
            calm.end()
            await self.stop(at_once=True)

    def _tell(self, message: bytes) -> None:
        if self._transport:
            self._transport.write(message)
