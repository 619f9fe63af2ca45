"""How one model version is loaded: paths, limits, a worker, a warm-up, then the switch."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from kd_engines.deployment.compiled_cache import CompiledCache
from kd_engines.deployment.compilers import Compilers
from kd_engines.deployment.identity import (
    EXAMPLE_KEY,
    FORMAT_KEY,
    FilesChanged,
    ModelFiles,
)
from kd_engines.deployment.limits import Limits, most_processes, time_limit
from kd_engines.deployment.model_slot import ModelSlot
from kd_engines.deployment.served import Served
from kd_engines.deployment.served_model import ServedModel
from kd_engines.deployment.turns import Turns
from kd_engines.deployment.wire import CompiledModel, Loaded, Spec
from kd_engines.deployment.worker_group import WorkerGroup
from kd_pipeline.daemon_thread import DaemonThreads, in_daemon_thread
from kd_pipeline.errors import KdError, LoadFailed
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.model_formats import WITH_CODE, known
from kd_pipeline.project_repository import ProjectRepository

if TYPE_CHECKING:
    from kd_engines.deployment.formats.onnx_model import OnnxModel

log = logging.getLogger("kd_engines.deployment")
T = TypeVar("T")
# A compiled model whose rows take longer keeps its own process: here it would hold up everybody's.
LONGEST_ROW_US = 50.0
CACHE_S = 10.0
RECENT_S = 10.0
CHANGED = "Its files have changed while it was loaded; it is loaded again."


@dataclass(frozen=True)
class Loader:
    """Loads model versions of one engine."""

    repository: ProjectRepository
    limits: Limits
    group: WorkerGroup
    changed: Callable[[ModelSlot], None]  # what runs there cannot be started again as it was
    recent: Callable[[str], bytes | None]  # what a model was asked lately, and answered
    turns: Turns = field(default_factory=Turns)
    cache: CompiledCache = field(default_factory=CompiledCache.default)
    compilers: Compilers = field(init=False)
    # Few threads for what is compiled: the memory of models from many has holes.
    here: DaemonThreads = field(default_factory=lambda: DaemonThreads(2))
    keeping: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Make what compiles many models."""
        compilers = Compilers(self.group, str(self.repository.root))
        object.__setattr__(self, "compilers", compilers)

    async def load(self, slot: ModelSlot) -> None:
        """Load what ``slot`` wants and switch to it, or note in the slot why that failed.

        What is already running as it is wanted stays as it is.
        """
        served: ServedModel | None = None
        try:
            most = most_processes(slot.model, self.limits)
            files = await self._in_time(ModelFiles.find, slot.model, self.repository)
            if slot.running:
                slot.sha256 = await self._in_time(files.identity, self.repository)
                if slot.running_sha256 == slot.sha256:
                    slot.running.allow(most)
                    slot.use(slot.running)
                    return
            async with self.compilers.place() as has_turn:
                ready: Served | None = await self._compiled_before(slot, files)
                if ready is None:
                    served = self._served(slot, files, most)
                    ready = await self._bring_up(slot, files, served, has_turn)
        except BaseException as error:
            if served:
                await served.end()
            if not isinstance(error, Exception):
                raise
            if not isinstance(error, KdError | OSError):
                log.exception("model %s/%s could not be loaded", *slot.model.key)
            slot.fail(sentence(error))
        else:
            slot.use(ready)

    async def _bring_up(
        self,
        slot: ModelSlot,
        files: ModelFiles,
        served: ServedModel,
        has_turn: Callable[[], object],
    ) -> Served:
        """Parse first, for which nobody waits; what was registered is compared before it runs."""
        await served.parse()
        slot.sha256 = await self._in_time(files.identity, self.repository)
        async with self.turns.turn(served.worker_pid):
            has_turn()
            await served.load(self.limits.load_s)
        loaded = served.loaded
        kept = msgspec.structs.replace(loaded) if loaded else None
        ready = await self._here(served)
        await self._warm_up(ready, slot.model)
        served.hurry()
        if slot.sha256 != await self._in_time(files.identity, self.repository):
            raise LoadFailed(CHANGED)
        if ready is not served:
            await served.end()
            if kept and slot.sha256:
                self._keep(slot.sha256, kept)
        return ready

    async def _compiled_before(self, slot: ModelSlot, files: ModelFiles) -> "Served | None":
        """Return what was compiled of these files before, ready to predict; None without."""
        if files.script:
            return None
        slot.sha256 = await self._in_time(files.identity, self.repository)
        loaded = await self._kept(slot.sha256)
        if loaded is not None:
            try:
                return await self._in_this_process(label_of(slot.model), loaded, "")
            except Exception as error:
                log.warning("%s is compiled again: %s", label_of(slot.model), error)
                self.cache.drop(slot.sha256)
        return await self._compiled_by_fork(slot, files)

    async def _kept(self, sha256: str) -> Loaded | None:
        """Return what was compiled before; None where that cannot be read soon."""
        try:
            async with asyncio.timeout(CACHE_S):
                return await in_daemon_thread(self.cache.get, sha256)
        except TimeoutError:
            log.warning("compiled models could not be read within %g s", CACHE_S)
            return None

    def _keep(self, sha256: str, loaded: Loaded) -> None:
        """Keep what was compiled for the next start; nobody waits for that."""
        task = asyncio.get_running_loop().create_task(
            in_daemon_thread(self.cache.put, sha256, loaded)
        )
        self.keeping.add(task)
        task.add_done_callback(self.keeping.discard)

    async def _compiled_by_fork(self, slot: ModelSlot, files: ModelFiles) -> "Served | None":
        """Compile one of many models; None where a worker has to load it."""
        format_name = await self._in_time(_format, slot.model, files)
        if format_name in WITH_CODE:
            return None
        spec, sha256 = self._spec(slot.model, files), slot.sha256
        loaded = await self.compilers.compiled(format_name, spec, self.turns, self.limits.load_s)
        if not (loaded and loaded.compiled and loaded.compiled.row_us <= LONGEST_ROW_US):
            return None
        kept = msgspec.structs.replace(loaded)
        ready = await self._in_this_process(label_of(slot.model), loaded, "")
        await self._warm_up(ready, slot.model)
        if sha256 != await self._in_time(files.identity, self.repository):
            raise LoadFailed(CHANGED)
        if sha256:
            self._keep(sha256, kept)
        return ready

    async def _here(self, served: ServedModel) -> Served:
        """Load in this process what a worker has compiled, where it is small and quick."""
        loaded = served.loaded
        if loaded is None or loaded.compiled is None:
            return served
        if loaded.compiled.row_us > LONGEST_ROW_US:
            loaded.compiled = None  # it may be large
            return served
        return await self._in_this_process(served.label, loaded, served.log)

    async def _in_this_process(self, label: str, loaded: Loaded, printed: str) -> Served:
        found, loaded.compiled = loaded.compiled, None  # it may be large
        assert found  # noqa: S101 - for the type checker
        model = await self.here.run(_compiled, loaded, found)
        from kd_engines.deployment.served_compiled import ServedCompiled

        return ServedCompiled(label, model, loaded, self.limits.queue, printed)

    async def _warm_up(self, served: Served, model: ModelConfig) -> None:
        has_example = bool(model.extra.get(EXAMPLE_KEY))
        limit_s = self.limits.load_s if has_example else min(RECENT_S, self.limits.load_s)
        try:
            async with asyncio.timeout(limit_s):
                await warm_up(served, model, self.recent(model.name))
        except TimeoutError:
            if not has_example:  # it may take longer than another version's
                served.start_again()  # and is not to be at that when a client asks
                return
            raise LoadFailed(
                f"Its first prediction was not done within {self.limits.load_s:g} s "
                "(KD_LOAD_TIMEOUT_S)."
            ) from None

    def _served(self, slot: ModelSlot, files: ModelFiles, most: int) -> ServedModel:
        spec = self._spec(slot.model, files)

        async def check() -> None:
            try:
                await self._in_time(files.check_unchanged)
            except FilesChanged:
                self.changed(slot)
                raise

        return ServedModel(label_of(slot.model), spec, self.group, self.limits.queue, check, most)

    def _spec(self, model: ModelConfig, files: ModelFiles) -> Spec:
        return Spec(
            str(files.script or ""),
            *(files.source, str(files.path), str(self.repository.root)),
            time_limit(model, self.limits),
            model.extra.get(FORMAT_KEY, ""),
            model.extra.get(EXAMPLE_KEY, "").encode(),
        )

    async def _in_time(self, look: Callable[..., T], *arguments: Any) -> T:
        """Look at files, which may lie where reading hangs; raises LoadFailed."""
        try:
            async with asyncio.timeout(self.limits.load_s):
                return await in_daemon_thread(look, *arguments)
        except TimeoutError:
            raise LoadFailed(
                f"Its files could not be read within {self.limits.load_s:g} s "
                "(KD_LOAD_TIMEOUT_S); see whether the project repository's mount answers."
            ) from None


def label_of(model: ModelConfig) -> str:
    """Return how a version is named in messages."""
    return f"{model.name}/{model.version}"


def _format(model: ModelConfig, files: ModelFiles) -> str:
    return known(files.path, model.extra.get(FORMAT_KEY, "")).format


def _compiled(loaded: Loaded, model: CompiledModel) -> "OnnxModel":
    """Load a compiled model; numpy and onnxruntime are imported where one needs them."""
    from kd_engines.deployment.served_compiled import compiled

    return compiled(loaded, model)


async def warm_up(served: Served, model: ModelConfig, recent: bytes | None = None) -> None:
    """Ask the model's own example, so that no client pays for the first prediction.

    Without one it is asked what another version was asked lately, which may fail. Raises LoadFailed
    where its own example fails: what cannot answer that is not let in.
    """
    example = model.extra.get(EXAMPLE_KEY)
    if not example:
        if recent and served.kind != "script":  # whose runs may have effects
            with contextlib.suppress(KdError):
                await served.predict(recent)
        return
    try:
        args = msgspec.json.encode(msgspec.json.decode(example))
    except msgspec.DecodeError as error:
        raise LoadFailed(
            f"The key {EXAMPLE_KEY!r} of the ConfigMap is not valid JSON: {error}."
        ) from None
    answer = await served.predict(args)
    if answer.failure:
        raise LoadFailed(f"The model fails on its own example: {answer.failure}")


def sentence(error: Exception) -> str:
    """Return an error as a sentence that ends with a full stop."""
    text = str(error)
    return text if text.endswith((".", "!", "?")) else f"{text}."
