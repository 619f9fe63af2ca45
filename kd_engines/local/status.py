"""What `kd status` tells: each member's state, address and reason, read from the state folder."""

import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from kd_engines.local.home import Home
from kd_engines.local.member import Member
from kd_engines.local.supervisor import unready
from kd_engines.local.world import World, module_of, read_world
from kd_pipeline.model_config import CM_TYPE_LABEL, MODEL_TYPE


@dataclass(frozen=True)
class MemberStatus:
    """One member as users see it; there is no token in it."""

    cluster: str
    role: str
    member: int
    state: str
    url: str | None
    pid: int | None
    restarts: int
    reason: str | None


@dataclass(frozen=True)
class Status:
    """All of a home."""

    home: str
    project_repository: str
    supervisor: int | None
    members: list[MemberStatus]
    models: dict[str, list[str]]
    notes: list[str]

    @property
    def ready(self) -> bool:
        """Tell whether a supervisor runs and every member that should answer does."""
        members = [m for m in self.members if m.state != "Idle"]
        return bool(self.supervisor and members) and all(m.state == "Ready" for m in members)

    def as_json(self) -> str:
        """Return the status for programs."""
        return json.dumps({**asdict(self), "ready": self.ready}, indent=1)

    def as_text(self) -> str:
        """Return the status for people."""
        who = f"process {self.supervisor}" if self.supervisor else "not running; `kd up` starts it"
        lines = [f"kd up: {who}", f"project repository: {self.project_repository}", ""]
        lines += _table(
            ["CLUSTER", "MEMBER", "STATE", "URL", "RESTARTS"],
            [
                [m.cluster, f"{m.role}-{m.member}", m.state, m.url or "-", str(m.restarts)]
                for m in self.members
            ],
        )
        lines += [
            f"{m.cluster}/{m.role}-{m.member}: {m.reason}"
            for m in self.members
            if m.reason and m.state != "Ready"
        ]
        for cluster, models in self.models.items():
            lines.append(f"models connected to {cluster}: {', '.join(models)}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def read_status(home: Home) -> Status:
    """Read a home's status; members are asked whether they are ready."""
    if not home.manifests.is_dir():
        return Status(str(home.path), str(home.repository.root), None, [], {}, [])
    world = read_world(home, home.registry())
    return Status(
        home=str(home.path),
        project_repository=str(home.repository.root),
        supervisor=home.supervisor_pid(),
        members=[_member(member, world) for member in world.members()],
        models=_models(world),
        notes=world.notes,
    )


def _member(member: Member, world: World) -> MemberStatus:
    state, reason = _state(member, module_of(world.running[member.cluster].app))
    return MemberStatus(
        cluster=member.cluster,
        role=member.role,
        member=member.number,
        state=state,
        url=member.url if state in ("Ready", "Starting") else None,
        pid=member.pid if state in ("Ready", "Starting") else None,
        restarts=member.restarts,
        reason=reason or member.reason,
    )


def _state(member: Member, module: str | None) -> tuple[str, str]:
    """Return Ready, Starting, BackOff, Down, or Idle for a notebook without a JupyterLab.

    Beside it is why an engine that runs is not ready, where it says so.
    """
    if member.alive():
        reason = unready(member) if module != "lab" else unready(member, "/api")
        return ("Ready", "") if reason is None else ("Starting", reason)
    if member.retry_at and member.retry_at > time.time() - 1:
        return "BackOff", ""
    return ("Idle" if module == "lab" and not member.pid else "Down"), ""


def _models(world: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, running in world.running.items():
        for configmap in running.cluster.connections("configmaps"):
            document = world.find("configmaps", configmap)
            if document and _is_model(document.manifest):
                data = document.manifest.get("data") or {}
                model = f"{data.get('name')}/{data.get('model-version')}"
                found.setdefault(name, []).append(model)
    return found


def _is_model(manifest: dict[str, Any]) -> bool:
    labels = (manifest.get("metadata") or {}).get("labels") or {}
    return bool(labels.get(CM_TYPE_LABEL) == MODEL_TYPE)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
