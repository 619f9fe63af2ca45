"""What KubeDirector writes of kdclusters: their status, in its order and with its delays."""

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError, NotFoundError
from urllib3.exceptions import HTTPError

from tests.kubedirector.admission import KUBEDIRECTOR, Admission
from tests.kubedirector.rules import BACKUP_ANNOTATION, RESTORING_LABEL, Object
from tests.real_api_server import ApiServer

FINALIZER = "kubedirector.hpe.com/cleanup"
MERGE_PATCH = "application/merge-patch+json"
# How long the operator has a new status in mind before it is written; a change that comes then is
# refused. And how long it is away after a panic: the real one some 20 seconds.
WRITES_S, RESTARTS_S = 0.005, 1.0


class Containers(Protocol):
    """What runs the members of kdclusters."""

    def members(self, cluster: Object, role: str) -> list[str]:
        """Return a role's members by pod name, as many as are wanted."""

    def sync(self, clusters: list[Object], changed: bool) -> None:
        """Make what is wanted of all kdclusters run; returns when it does."""


class NoContainers:
    """Members that are names."""

    def members(self, cluster: Object, role: str) -> list[str]:
        """Return as many names as there are members wanted."""
        (wanted,) = [r.get("members", 1) for r in cluster["spec"]["roles"] if r["id"] == role]
        name = cluster["metadata"]["name"]
        return [f"kdss-{name}-{role.lower()}-{number}" for number in range(wanted)]

    def sync(self, clusters: list[Object], changed: bool) -> None:
        """Run nothing."""


class Operator:
    """Sees to every kdcluster of an API server, and to its admission, until it is closed.

    ``panics`` counts how often a kdcluster was connected to one that had no status, ``errors``
    has what went wrong in the tests' own part.
    """

    def __init__(self, server: ApiServer, race: float = 0.0) -> None:
        self.admission = Admission(server, race)
        self.containers: Containers = NoContainers()
        self.panics = 0
        self.errors: list[str] = []
        self.changed = threading.Event()
        dynamic = DynamicClient(server.client())
        self._clusters = dynamic.resources.get(api_version=KUBEDIRECTOR, kind="KubeDirectorCluster")
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=t, daemon=True) for t in (self._watch, self._run)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """See to nothing any more."""
        self._stop.set()
        self._threads[1].join(60)
        self.admission.close()

    def _watch(self) -> None:
        while not self._stop.is_set():
            with suppress(DynamicApiError, HTTPError):
                version = self._clusters.get(limit=1).metadata.resourceVersion
                begun = self._clusters.get(
                    watch=True, resource_version=version, timeout_seconds=30, serialize=False
                )
                for _ in begun.stream(amt=None):
                    self.changed.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self.changed.wait(0.2):
                continue
            self.changed.clear()
            try:
                self._reconcile()
            except (HTTPError, DynamicApiError):  # an API server that is killed by its test
                self._stop.wait(0.2)
                self.changed.set()
            except Exception as error:  # told by the test that waits in vain
                self.errors.append(repr(error))
                raise

    def _reconcile(self) -> None:
        clusters = [c for c in self._all() if not self._let_go(c)]
        if _connected_too_early(clusters):
            self._panic()
        for cluster in clusters:
            if "status" not in cluster:
                self._adopt(cluster)
        clusters = [c for c in self._all() if "status" in c]
        begun = [c for c in clusters if self._begin(c)]
        self.containers.sync(clusters, bool(begun))
        for cluster in begun:
            self._write(cluster, _status(cluster, self.containers, "configured"))

    def _all(self) -> list[Object]:
        found: list[Object] = self._clusters.get().to_dict()["items"]
        return [c for c in found if RESTORING_LABEL not in (c["metadata"].get("labels") or {})]

    def _let_go(self, cluster: Object) -> bool:
        """Take the finalizer from a kdcluster that is being deleted; tell whether it is."""
        if "deletionTimestamp" not in cluster["metadata"]:
            return False
        if FINALIZER in cluster["metadata"].get("finalizers", ()):
            time.sleep(WRITES_S)
            self._patch(cluster, {"metadata": {"finalizers": None}})
        return True

    def _panic(self) -> None:
        self.panics += 1
        self.admission.down = True
        self._stop.wait(RESTARTS_S)
        self.admission.down = False

    def _adopt(self, cluster: Object) -> None:
        annotations = {BACKUP_ANNOTATION: "false"}
        self._patch(cluster, {"metadata": {"finalizers": [FINALIZER], "annotations": annotations}})
        self._write(cluster, {"state": "creating", "specGenerationToProcess": 0, "roles": []})

    def _begin(self, cluster: Object) -> bool:
        """Write that a kdcluster is worked at, where it is not as it should be."""
        held, done = cluster["status"], _status(cluster, self.containers, "configured")
        if {k: v for k, v in held.items() if k != "generationUID"} == done:
            return False
        state = "creating" if held["state"] == "creating" else "updating"
        self._write(cluster, _status(cluster, self.containers, state))
        return True

    def _write(self, cluster: Object, status: Object) -> None:
        status = {**status, "generationUID": str(uuid.uuid4())}
        self.admission.generations[cluster["metadata"]["uid"]] = status["generationUID"]
        self._stop.wait(WRITES_S)
        self._patch(cluster, {"status": status}, self._clusters.status)

    def _patch(self, cluster: Object, body: Object, resource: Any = None) -> None:
        where = {key: cluster["metadata"][key] for key in ("name", "namespace")}
        with suppress(NotFoundError):  # deleted meanwhile
            (resource or self._clusters).patch(body=body, content_type=MERGE_PATCH, **where)


@contextmanager
def running_cluster(
    folder: Path, users: Mapping[str, tuple[str, str]] = MappingProxyType({}), race: float = 0.0
) -> Iterator[tuple[ApiServer, Operator]]:
    """Run an API server that KubeDirector sees to; ``users`` has tokens' names and groups."""
    server = ApiServer(folder, users)
    server.install_kubedirector()
    operator = Operator(server, race)
    yield server, operator
    assert operator.errors == []
    operator.close()
    server.kill()


def _connected_too_early(clusters: list[Object]) -> bool:
    """Tell whether one that is worked at is connected to one that has no status yet."""
    bare = {_key(c) for c in clusters if "status" not in c}
    worked_at = [c for c in clusters if c.get("status", {}).get("state") != "configured"]
    return any(
        (c["metadata"]["namespace"], name) in bare
        for c in worked_at
        for name in (c["spec"].get("connections") or {}).get("clusters") or ()
    )


def _key(cluster: Object) -> tuple[str, str]:
    return cluster["metadata"]["namespace"], cluster["metadata"]["name"]


def _status(cluster: Object, containers: Containers, state: str) -> Object:
    """Return the status of a kdcluster, all of whose members are in ``state`` or were before."""
    held = {
        member["pod"]
        for role in cluster["status"]["roles"]
        for member in role["members"]
        if member["state"] == "configured"
    }
    roles = []
    for role in cluster["spec"]["roles"]:
        names = containers.members(cluster, role["id"])
        # Who is there is told of those who come and go.
        told = [] if state == "configured" or {*names} <= held else [{"arguments": ["addnodes"]}]
        members = [
            {
                "pod": name,
                "state": "configured" if name in held else state.replace("updating", "creating"),
                "stateDetail": {"pendingNotifyCmds": told} if told and name in held else {},
            }
            for name in names
        ]
        roles.append({"id": role["id"], "statefulSet": f"kdss-{role['id']}", "members": members})
    connections = json.dumps(cluster["spec"].get("connections") or {}, sort_keys=True)
    digest = hashlib.md5(connections.encode(), usedforsecurity=False).hexdigest()
    known = {"specGenerationToProcess": 0, "lastConnectionHash": digest}
    return {**known, "state": state, "roles": roles}
