"""What has become of registered models' files and cells since: looked at in a thread beside.

Routes get what is known at once. What is not known yet, or was looked at a while ago, is looked at
in the background, and told by the next answer: models may be large and their file system slow.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from jupyter_extension.file_sums import FileSums, signature
from jupyter_extension.notebook_cells import NotebookCells
from kd_pipeline.errors import KdError
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.project_repository import ProjectRepository

AGAIN_S = 10.0
AGAIN_EACH_S = 0.3  # so that to look at a thousand models again and again takes little
FIRST_WAIT_S = 0.05
MOST_KEPT = 20_000
# What was last changed so long before the registration needs no sum; clocks of machines differ.
SKEW_S = 60.0


@dataclass(frozen=True)
class Verdict:
    """``missing``: path or script is gone; ``changed``: they are not what was registered.

    ``cell_changed`` says whether the cell that made it is other code now. None is not known.
    """

    missing: bool = False
    changed: bool | None = None
    cell_changed: bool | None = None


@dataclass(frozen=True)
class _Held:
    model: ModelConfig
    verdict: Verdict
    looked: float


class _Beside:
    """Does ``work`` on each model that is put in, in a thread that is there while there is any."""

    def __init__(self, name: str, work: Callable[[ModelConfig], None]) -> None:
        self._name, self._work = name, work
        self._lock = threading.Lock()
        self._due: dict[str, ModelConfig] = {}
        self._is_working = False
        self.done = threading.Event()

    def put(self, models: Iterable[ModelConfig]) -> None:
        """Have models worked on; one that waits already is not put in twice."""
        with self._lock:
            self._due |= {model.configmap_name: model for model in models}
            if self._due and not self._is_working:
                self._is_working = True
                self.done.clear()
                threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                name = next(iter(self._due), None)
                if name is None:
                    self._is_working = False
                    self.done.set()
                    return
                model = self._due.pop(name)
            try:
                self._work(model)
            except BaseException:  # a mistake of ours: the next `put` begins anew
                with self._lock:
                    self._is_working = False
                raise


class ModelChecks:
    """Verdicts on models, made of the cells of saved notebooks and the sums of files."""

    def __init__(self, cells: NotebookCells, sums: FileSums) -> None:
        self._cells, self._sums = cells, sums
        self._lock = threading.Lock()
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self.generation = 0  # another one where a verdict is another
        # Reading files may take minutes, and keeps nothing else from being looked at.
        self._looking = _Beside("kd-checks", lambda model: self._look(model, may_read=False))
        self._reading = _Beside("kd-sums", lambda model: self._look(model, may_read=True))

    def of(self, models: Iterable[ModelConfig]) -> dict[str, Verdict]:
        """Return what is known of models, by their ConfigMaps' names.

        Where any is new, it waits a moment for it, as a small registry is looked at in no time.
        """
        models, now = list(models), time.monotonic()
        with self._lock:
            held = {m.configmap_name: self._held.get(m.configmap_name) for m in models}
        new = [m for m in models if (h := held[m.configmap_name]) is None or h.model != m]
        again_s = max(AGAIN_S, AGAIN_EACH_S * len(models))
        old = [h.model for h in held.values() if h and now - h.looked >= again_s]
        self._looking.put([*old, *new])
        if new:
            self._looking.done.wait(FIRST_WAIT_S)
        with self._lock:
            held = {m.configmap_name: self._held.get(m.configmap_name) for m in models}
        return {name: found.verdict if found else Verdict() for name, found in held.items()}

    def _keep(self, model: ModelConfig, verdict: Verdict) -> None:
        with self._lock:
            before = self._held.get(model.configmap_name)
            if before is None or before.verdict != verdict:
                self.generation += 1
            self._held[model.configmap_name] = _Held(model, verdict, time.monotonic())
            self._held.move_to_end(model.configmap_name)
            while len(self._held) > MOST_KEPT:
                self._held.popitem(last=False)

    def _look(self, model: ModelConfig, may_read: bool) -> None:
        """Find out how a model is; what cannot be told without reading its files is queued."""
        wanted = (model.extra.get(key, "") for key in ("notebook", "cell-id", "code-sha256"))
        verdict = Verdict(cell_changed=self._cells.changed(*wanted))
        try:
            repository = ProjectRepository.default()
        except KdError:
            self._keep(model, verdict)  # none here, so nothing is known of any file
            return
        try:
            told = [self._changed(model, *file, may_read) for file in _files(model, repository)]
        except (KdError, OSError):
            self._keep(model, replace(verdict, missing=True))
            return
        changed = True if True in told else None if None in told else False
        self._keep(model, replace(verdict, changed=changed))

    def _changed(
        self, model: ModelConfig, path: Path, sha256: str | None, size: str | None, may_read: bool
    ) -> bool | None:
        """Tell whether a path is not what was registered; raises OSError where it goes away."""
        now = signature(path)
        if not sha256 or now is None:
            return None
        if size and size != str(now.size_bytes):
            return True
        if now.newest < _registered(model) - SKEW_S:
            return False
        if may_read:
            return self._sums.of(path)[0] != sha256
        if known := self._sums.known(path, now):
            return known[0] != sha256
        self._reading.put([model])
        return None


def _files(
    model: ModelConfig, repository: ProjectRepository
) -> list[tuple[Path, str | None, str | None]]:
    """Return model and script, each with its sha256 and size as far as they are registered."""
    extra = model.extra
    path = repository.existing(model.path)
    files = [(path, extra.get("model-sha256"), extra.get("size-bytes"))]
    if model.scoring_path:
        script = repository.existing(model.scoring_path)
        files.append((script, extra.get("scoring-sha256"), None))
    return files


def _registered(model: ModelConfig) -> float:
    """Return when a model was registered (seconds since the epoch); 0 where nothing tells it."""
    try:
        return datetime.fromisoformat(model.extra.get("created", "")).timestamp()
    except (ValueError, OverflowError):
        return 0.0
