"""How one model version is loaded: paths, limits, a worker, a warm-up, then the switch."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

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
from kd_pipeline.daemon_thread import in_daemon_thread
from kd_pipeline.errors import KdError, LoadFailed
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.project_repository import ProjectRepository

if TYPE_CHECKING:
    from kd_engines.deployment.formats.onnx_model import OnnxModel

log = logging.getLogger("kd_engines.deployment")
T = TypeVar("T")
# A compiled model whose rows take longer keeps its own process: here it would hold up everybody's.
LONGEST_ROW_US = 50.0


@dataclass(frozen=True)
class Loader:
    """Loads model versions of one engine."""

    repository: ProjectRepository
    limits: Limits
    group: WorkerGroup
    changed: Callable[[ModelSlot], None]  # what runs there cannot be started again as it was
    recent: Callable[[str], bytes | None]  # what a model was asked lately, and answered
    turns: Turns = field(default_factory=Turns)

    async def load(self, slot: ModelSlot) -> None:
        """Load what ``slot`` wants and switch to it, or note in the slot why that failed.

        What is already running as it is wanted stays as it is.
        """
        served: ServedModel | None = None
        try:
            files = await self._in_time(ModelFiles.find, slot.model, self.repository)
            if slot.running:
                slot.sha256 = await self._in_time(files.identity, self.repository)
                if slot.running_sha256 == slot.sha256:
                    slot.running.allow(most_processes(slot.model, self.limits))
                    slot.use(slot.running)
                    return
            served = self._served(slot, files)
            ready = await self._bring_up(slot, files, served)
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

    async def _bring_up(self, slot: ModelSlot, files: ModelFiles, served: ServedModel) -> Served:
        """Parse first, for which nobody waits; what was registered is compared before it runs."""
        await served.parse()
        slot.sha256 = await self._in_time(files.identity, self.repository)
        async with self.turns.turn(served.worker_pid):
            await served.load(self.limits.load_s)
        ready = await self._here(served)
        await warm_up(ready, slot.model, self.recent(slot.model.name))
        served.hurry()
        if slot.sha256 != await self._in_time(files.identity, self.repository):
            raise LoadFailed("Its files have changed while it was loaded; it is loaded again.")
        if ready is not served:
            await served.end()
        return ready

    async def _here(self, served: ServedModel) -> Served:
        """Load in this process what a worker has compiled, where it is small and quick."""
        loaded = served.loaded
        if loaded is None or loaded.compiled is None:
            return served
        found, loaded.compiled = loaded.compiled, None  # it may be large
        if found.row_us > LONGEST_ROW_US:
            return served
        model = await in_daemon_thread(_compiled, loaded, found)
        from kd_engines.deployment.served_compiled import ServedCompiled

        return ServedCompiled(served.label, model, loaded, self.limits.queue, served.log)

    def _served(self, slot: ModelSlot, files: ModelFiles) -> ServedModel:
        label = f"{slot.model.name}/{slot.model.version}"
        limit_s = time_limit(slot.model, self.limits)

        extra = slot.model.extra
        spec = Spec(
            str(files.script or ""),
            *(files.source, str(files.path), str(self.repository.root), limit_s),
            extra.get(FORMAT_KEY, ""),
            extra.get(EXAMPLE_KEY, "").encode(),
        )

        async def check() -> None:
            try:
                await self._in_time(files.check_unchanged)
            except FilesChanged:
                self.changed(slot)
                raise

        most = most_processes(slot.model, self.limits)
        return ServedModel(label, spec, self.group, self.limits.queue, check, most)

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
        raise LoadFailed(f"The key {EXAMPLE_KEY!r} of the ConfigMap is no JSON: {error}.") from None
    answer = await served.predict(args)
    if answer.failure:
        raise LoadFailed(f"The model fails on its own example: {answer.failure}")


def sentence(error: Exception) -> str:
    """Return an error as a sentence that ends with a full stop."""
    text = str(error)
    return text if text.endswith((".", "!", "?")) else f"{text}."
