"""What KubeDirector writes of a kdcluster: its ``status``, as read by whoever waits for it.

The shape is that of v0.11.0 (``pkg/apis/kubedirector/v1beta1``): a state, and roles with members.
"""

from collections.abc import Iterator, Mapping
from typing import Any

CONFIGURED = "configured"
Manifest = Mapping[str, Any]


def state_of(manifest: Manifest) -> str:
    """Return a kdcluster's state, "" where KubeDirector has not seen it yet."""
    return str(status_of(manifest).get("state") or "")


def status_of(manifest: Manifest) -> Manifest:
    """Return a kdcluster's status, which may be empty."""
    status: Manifest = manifest.get("status") or {}
    return status


def configured_members(manifest: Manifest, role: str) -> int | None:
    """Return how many of a role's members are set up; None where nothing is told of the role."""
    states = [m.get("state") for one, m in _members(manifest) if one == role]
    told = any(r.get("id") == role for r in status_of(manifest).get("roles") or ())
    return states.count(CONFIGURED) if told else None


def troubles(manifest: Manifest) -> str:
    """Return in a sentence what KubeDirector says is wrong with members; "" where nothing is."""
    told = [
        f"{member.get('pod') or role}: {detail[key]}"
        for role, member in _members(manifest)
        if (detail := member.get("stateDetail") or {})
        for key in ("configErrorDetail", "schedulingErrorMessage")
        if detail.get(key)
    ]
    return "; ".join(dict.fromkeys(told)) + "." if told else ""


def still_notified(manifest: Manifest) -> list[str]:
    """Return the pods that have not been told yet of those that came or went."""
    return [
        str(member.get("pod") or role)
        for role, member in _members(manifest)
        if (member.get("stateDetail") or {}).get("pendingNotifyCmds")
    ]


def _members(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    for role in status_of(manifest).get("roles") or ():
        for member in role.get("members") or ():
            yield str(role.get("id")), member
