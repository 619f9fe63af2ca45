"""One model version's place in an engine: what is wanted there, what runs, how far it is."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from kd_engines.deployment.served import Served
from kd_pipeline.messages import ModelState, ModelStatus
from kd_pipeline.model_config import ModelConfig

FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0


@dataclass(eq=False)
class ModelSlot:
    """A place under one name and version. ``state`` is about what is wanted, not what runs."""

    model: ModelConfig
    state: ModelState | None = None
    reason: str | None = None
    running: "Served | None" = None
    sha256: str | None = None
    running_sha256: str | None = None
    since: str | None = None
    pause_s: float = FIRST_PAUSE_S
    loading: "asyncio.Task[None] | None" = None
    removal: "asyncio.Task[None] | None" = None

    def want(self, model: ModelConfig) -> None:
        """Ask for ``model``, which takes back a removal that has not happened yet."""
        if self.removal:
            self.removal.cancel()
            self.removal = None
        self.model, self.state, self.reason = model, "Loading", None
        self.pause_s, self.since = FIRST_PAUSE_S, now()

    def use(self, served: Served) -> None:
        """Send requests to ``served`` from now on."""
        self.running, self.running_sha256 = served, self.sha256
        self.state, self.reason, self.since = "Ready", None, now()

    def fail(self, reason: str) -> None:
        """Note why what is wanted could not be loaded; what runs goes on."""
        if self.running and not self.running.failure:
            reason += " The version that ran before still serves."
        self.state, self.reason, self.since = "Failed", reason, now()

    def next_pause(self) -> float:
        """Return the seconds to wait before trying again; each pause is twice the last."""
        pause, self.pause_s = self.pause_s, min(LONGEST_PAUSE_S, 2 * self.pause_s)
        return pause

    def status(self) -> ModelStatus:
        """Return the state as ``GET /models`` tells it."""
        served = self.running
        state, reason = self.state or "Loading", self.reason
        if served and served.failure:
            state, reason = "Failed", reason or served.failure
        elif served and state == "Ready":
            state, reason = "Loading" if served.is_being_replaced else "Ready", served.remark
        if self.removal:
            state, reason = "Draining", "It is no longer connected."
        name, version = self.model.key
        return ModelStatus(
            name,
            version,
            state,
            configmap=self.model.configmap_name,
            description=self.model.description,
            kind=served.kind if served else None,
            reason=reason,
            sha256=self.sha256,
            running_sha256=self.running_sha256,
            since=self.since,
            pid=served.pid if served else None,
            restarts=served.restarts if served else 0,
            processes=served.processes if served else 0,
            format=served.loaded.format if served and served.loaded else None,
            served_by=served.loaded.remark if served and served.loaded else None,
        )


def now() -> str:
    """Return the time as RFC 3339 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
