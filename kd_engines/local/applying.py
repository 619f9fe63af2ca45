"""``kd export --apply``: a pipeline's manifests, written to a cluster in KubeDirector's order.

KubeDirector panics while a kdcluster is connected to one that it has not seen yet, so each is made
when those that it names are configured.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from kd_engines.local.exchange import connected_clusters, held_manifests, in_order
from kd_pipeline.cluster_status import CONFIGURED, state_of, troubles
from kd_pipeline.clusters import CLUSTER_KIND
from kd_pipeline.errors import Conflict, Unavailable
from kd_pipeline.registry.api_server import ApiServerRegistry

CONFIGURED_WITHIN_S = 600.0
LOOK_EVERY_S = 0.5
Manifest = dict[str, Any]
Tell = Callable[[str], None]


def apply(
    registry: ApiServerRegistry, manifests: list[Manifest], replace: bool, tell: Tell
) -> None:
    """Write manifests into a namespace, and wait until its kdclusters are configured.

    Nothing is written where one that is there differs, unless ``replace``: raises Conflict. Raises
    Unavailable for a kdcluster that is not configured within CONFIGURED_WITHIN_S.
    """
    held = {_key(m): m for m in held_manifests(registry)}
    changed = [m for m in manifests if not _covers(held.get(_key(m)), m)]
    taken = [f"{m['kind']} {_name(m)!r}" for m in changed if _key(m) in held]
    if taken and not replace:
        raise Conflict(
            f"{len(taken)} of the manifests are in {registry.place} with other content "
            f"({', '.join(taken[:5])}); nothing was written. --replace overwrites them."
        )
    to_write = {_key(m) for m in changed}
    for manifest in in_order(manifests):
        for name in connected_clusters(manifest):
            _wait_until_configured(registry, name, tell)
        is_new = _key(manifest) in to_write
        if is_new:
            registry.apply([manifest])
        tell(f"{manifest['kind']} {_name(manifest)}: {'written' if is_new else 'unchanged'}")
    for manifest in manifests:
        if manifest["kind"] == CLUSTER_KIND:
            _wait_until_configured(registry, _name(manifest), tell)


def _wait_until_configured(registry: ApiServerRegistry, name: str, tell: Tell) -> None:
    """Wait for KubeDirector; a name that nothing has is left out by it, and so here."""
    told, deadline = "", time.monotonic() + CONFIGURED_WITHIN_S
    while True:
        found = [one.manifest for one in registry.clusters() if one.name == name]
        state = state_of(found[0]) if found else CONFIGURED
        if state == CONFIGURED:
            return
        if time.monotonic() > deadline:
            raise Unavailable(
                f"kdcluster {name!r} is {state or 'not seen by KubeDirector'} after "
                f"{CONFIGURED_WITHIN_S:g} s. {troubles(found[0])} What was written stays; the same "
                "command goes on."
            )
        if state != told:
            tell(f"waiting for {name}: {state or 'new'}")
            told = state
        time.sleep(LOOK_EVERY_S)


def _covers(held: Any, wanted: Any) -> bool:
    """Tell whether something holds all that is wanted; a server adds defaults to it."""
    if isinstance(wanted, Mapping):
        return isinstance(held, Mapping) and all(
            key in held and _covers(held[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(held, list) and len(held) == len(wanted) and all(map(_covers, held, wanted))
        )
    return bool(held == wanted)


def _key(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], _name(manifest)


def _name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])
