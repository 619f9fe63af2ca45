"""The models of an engine: what is connected, what runs, and the way from one to the other.

Each change of configmeta.json is a wish. A new or changed version is loaded and warmed up beside
the one that runs, then requests go to it from one moment to the next, and the old one ends when
its last request has its answer. What cannot be loaded leaves the running one alone.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from kd_engines.deployment.alias_table import AliasTable
from kd_engines.deployment.limits import Limits
from kd_engines.deployment.loading import Loader
from kd_engines.deployment.model_slot import ModelSlot
from kd_engines.deployment.replicas import LOOK_EVERY_S
from kd_engines.deployment.served import Served
from kd_engines.deployment.worker_group import WorkerGroup
from kd_engines.members.capacity import Load, cpus
from kd_pipeline.connections import ConfigMapEntry
from kd_pipeline.errors import InvalidInput, ModelNotReady, NotFound
from kd_pipeline.messages import ModelStatus
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry.base import natural

log = logging.getLogger("kd_engines.deployment")
Key = tuple[str, str]
CHAMPION = "champion"
# How often an idle worker is asked whether it is there.
PING_EVERY_S = 15.0


class ModelSet:
    """Every model version that is, was or should be served here."""

    def __init__(
        self,
        repository: ProjectRepository,
        limits: Limits,
        group: WorkerGroup,
        recent: Callable[[str], bytes | None],
    ) -> None:
        self._limits, self._group = limits, group
        self._loader = Loader(repository, limits, group, self._load_again, recent)
        self._slots: dict[Key, ModelSlot] = {}
        self._unusable: list[ModelStatus] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.settled = asyncio.Event()
        self.aliases = AliasTable(self._serves)

    def want(self, entries: Iterable[ConfigMapEntry]) -> None:
        """Make what runs be what ``entries`` say; returns at once."""
        wanted = self._read(entries)
        for key, model in wanted.items():
            slot = self._slots.setdefault(key, ModelSlot(model))
            is_going = slot.removal is not None or slot.state is None
            if not is_going and slot.model == replace(model, description=slot.model.description):
                slot.model = model  # another description needs no look at the files
            else:
                slot.want(model)
                self._start_loading(slot)
        for key, slot in self._slots.items():
            if key not in wanted and not slot.removal:
                slot.removal = self._keep(self._remove(key, slot))
        self._see_settled()

    def find(self, name: str, version: str) -> Served:
        """Return what serves a version, or an alias, now; raises NotFound, ModelNotReady."""
        slot = self._slots.get((name, version))
        if slot is None:
            alias = self.aliases.version(name, version)
            if alias is not None:
                return self._find_by_alias(name, version, alias)
            raise NotFound(self._sentence_of_missing(name, version))
        if slot.running is None:
            why = f"could not be loaded: {slot.reason}" if slot.reason else "is being loaded"
            raise ModelNotReady(f"Model {name}/{version} {why}")
        return slot.running

    def default_version(self, name: str) -> str:
        """Return the version that is asked where none is named; raises NotFound.

        It is the one of the alias ``champion``, else the highest that answers.
        """
        champion = self.aliases.version(name, CHAMPION)
        if champion is not None:
            return champion
        versions = self.versions(name)
        ready = [version for version in versions if self._serves((name, version))]
        if not versions:
            raise NotFound(self._sentence_of_missing(name, ""))
        return (ready or versions)[-1]

    def _find_by_alias(self, name: str, alias: str, version: str) -> Served:
        if (name, version) not in self._slots:
            raise NotFound(
                f"The alias {name}/{alias} is that of version {version}, which is not connected "
                "to this engine; deploy it, or move the alias."
            )
        return self.find(name, version)

    def _serves(self, key: Key) -> bool:
        slot = self._slots.get(key)
        return slot is not None and slot.running is not None and not slot.removal

    def versions(self, name: str) -> list[str]:
        """Return a model's versions, the highest last."""
        return sorted((v for n, v in self._slots if n == name), key=natural)

    def statuses(self) -> list[ModelStatus]:
        """Return every version with its state, also those that cannot be used and why."""
        return [*(slot.status() for _, slot in sorted(self._slots.items())), *self._unusable]

    def status(self, name: str, version: str) -> ModelStatus:
        """Return one version's state, with what its worker printed; raises NotFound."""
        slot = self._slots.get((name, version))
        if slot is None:
            raise NotFound(self._sentence_of_missing(name, version))
        status = slot.status()
        status.log = slot.running.log if slot.running else ""
        return status

    async def close(self) -> None:
        """End every worker."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(slot.running.end() for slot in self._slots.values() if slot.running))
        await self._loader.compilers.close()
        await self._group.close()

    async def see_that_they_answer(self) -> None:
        """Ask every idle worker now and then, for ever; one that is stuck is replaced."""
        while True:
            await asyncio.sleep(PING_EVERY_S)
            for slot in list(self._slots.values()):
                if slot.running:
                    self._keep(slot.running.ping())

    async def see_what_they_need(self) -> None:
        """Give each model the processes that it needs, for ever."""
        load, allowed = Load(), cpus()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                share = load.now()
                idle = 0.0 if share is None else allowed * (1 - share)
                for slot in self._slots.values():
                    if slot.running:
                        slot.running.look(idle)
            except Exception:  # no file can be opened, say; the next look is soon
                log.exception("what models need could not be looked at")

    def _read(self, entries: Iterable[ConfigMapEntry]) -> dict[Key, ModelConfig]:
        """Return the usable ones; the first ConfigMap by name has a version, others are told."""
        wanted: dict[Key, ModelConfig] = {}
        self._unusable = []
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = entry.data.get("name") or entry.name
            version = entry.data.get("model-version") or ""
            try:
                model = ModelConfig.from_data(entry.name, entry.data, entry.labels).validate()
                taken = wanted.get(model.key)
                if taken:
                    raise InvalidInput(
                        f"ConfigMap {taken.configmap_name!r} has {name}/{version} already; give "
                        "one of the two another model-version."
                    )
                wanted[model.key] = model
            except InvalidInput as error:
                status = ModelStatus(name, version, "Failed", entry.name, reason=str(error))
                self._unusable.append(status)
        return wanted

    def _start_loading(self, slot: ModelSlot) -> None:
        if slot.loading:
            slot.loading.cancel()
        slot.loading = self._keep(self._load(slot, slot.loading))

    def _load_again(self, slot: ModelSlot) -> None:
        """Load a version whose files have changed, so that its worker cannot be replaced."""
        if not slot.removal and (slot.loading is None or slot.loading.done()):
            slot.want(slot.model)
            self._start_loading(slot)

    async def _load(self, slot: ModelSlot, before: "asyncio.Task[None] | None") -> None:
        """Bring a slot to what it wants, trying again with longer pauses until that works."""
        if before:
            await asyncio.wait([before])
        while True:
            old = slot.running
            await self._loader.load(slot)
            self._see_settled()
            if old and old is not slot.running:
                self._keep(old.close())
            if slot.state == "Ready":
                return
            log.warning("model %s/%s: %s", *slot.model.key, slot.reason)
            await asyncio.sleep(slot.next_pause())

    async def _remove(self, key: Key, slot: ModelSlot) -> None:
        """Take a version off after the grace time, unless it comes back until then."""
        await asyncio.sleep(self._limits.removal_grace_s)
        if slot.loading:
            slot.loading.cancel()
        del self._slots[key]
        log.info("model %s/%s is removed", *key)
        if slot.running:
            await slot.running.close()

    def _see_settled(self) -> None:
        if all(slot.state in ("Ready", "Failed") for slot in self._slots.values()):
            self.settled.set()

    def _sentence_of_missing(self, name: str, version: str) -> str:
        versions = sorted(v for n, v in self._slots if n == name)
        if versions:
            have = ", ".join(versions)
            return f"Model {name!r} has no version {version[:80]!r} here, but has {have}."
        served = ", ".join(sorted(f"{n}/{v}" for n, v in self._slots)) or "none"
        return (
            f"No model {name[:80]!r} is connected to this engine; connected are: {served[:1000]}."
        )

    def _keep(self, work: "asyncio._CoroutineLike[None]") -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
