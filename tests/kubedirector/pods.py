"""kdclusters of an API server as processes of this machine, in the place of kubelets.

It does what KubeDirector's reconciler does, by its own means and in its order: members with a
token each, configmeta.json written in place, the setup package unpacked and its startscript
called, and members told of each other.
"""

import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from kd_engines.local.configmeta import Running, configmeta
from kd_engines.local.member import Member
from kd_engines.local.world import TYPE_LABELS
from kd_pipeline.clusters import App, Cluster
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.free_port import free_port
from tests.kd_engines.kubedirector.running_member import GuestMember
from tests.kubedirector.operator import Operator
from tests.kubedirector.rules import Object

Roles = dict[str, list["Pod"]]


@dataclass
class Pod:
    """A member: what the files say of it, and its container."""

    member: Member
    guest: GuestMember
    stats_port: int = field(default_factory=free_port)
    written: dict[str, Any] = field(default_factory=dict)

    def predict(self, model: str, **arguments: object) -> dict[str, Any]:
        """Return what it answers when it is asked for ``name/version``, an error as well."""
        answer = requests.post(
            f"{self.guest.url}/{model}/predict",
            json={"scoring_args": arguments},
            headers={"X-Auth-Token": self.member.token},
            timeout=10,
        )
        told: dict[str, Any] = answer.json()
        return told


class Pods:
    """The containers of a namespace."""

    def __init__(self, registry: ApiServerRegistry, folder: Path, repository: Path) -> None:
        self._registry, self._folder, self._repository = registry, folder, repository
        self._pods: dict[str, Roles] = {}
        self._nodes: dict[str, int] = {}
        self._new: list[Pod] = []
        self._gone: list[Pod] = []

    def of(self, cluster: str, role: str) -> list[Pod]:
        """Return the members of a role that are configured."""
        status = self._registry.cluster(cluster).manifest.get("status") or {}
        if status.get("state") != "configured":
            return []
        return list(self._pods.get(cluster, {}).get(role, []))

    def members(self, cluster: Object, role: str) -> list[str]:
        """Return a role's members; those that are new or gone are seen to by the next sync."""
        wanted = Cluster({"kind": "KubeDirectorCluster", **cluster})
        pods = self._pods.setdefault(wanted.name, {}).setdefault(role, [])
        (number,) = [one.members for one in wanted.roles if one.id == role]
        while len(pods) < number:
            pods.append(self._pod(wanted, role, self._registry.app(wanted.app), len(pods)))
            self._new.append(pods[-1])
        while len(pods) > number:
            self._gone.append(pods.pop())
        return [pod.member.name for pod in pods]

    def sync(self, clusters: list[Object], changed: bool) -> None:
        """Start what is new, write each member's file where it has changed, tell the others."""
        wanted = [Cluster({"kind": "KubeDirectorCluster", **one}) for one in clusters]
        for name in self._pods.keys() - {cluster.name for cluster in wanted}:
            self._gone += [pod for pods in self._pods.pop(name).values() for pod in pods]
        (added, self._new), (removed, self._gone) = (self._new, []), (self._gone, [])
        apps = {app.name: app for app in self._registry.apps()}
        running = {
            cluster.name: Running(cluster, apps[cluster.app], self._members(cluster.name))
            for cluster in wanted
        }
        every = [pod for roles in self._pods.values() for pods in roles.values() for pod in pods]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda pod: self._write(pod, running, pod in added), every))
        self._tell("--addnodes", added, added)
        self._tell("--delnodes", removed, added)
        for pod in removed:
            pod.guest.stop()

    def close(self) -> None:
        """End every container."""
        for roles in self._pods.values():
            for pods in roles.values():
                for pod in pods:
                    pod.guest.stop()
                    pod.guest.kill_all()

    def _pod(self, cluster: Cluster, role: str, app: App, number: int) -> Pod:
        node = self._nodes[cluster.name] = self._nodes.get(cluster.name, 0) + 1
        folder = self._folder / f"{cluster.name}-{role}-{node}"
        guest = GuestMember(folder, role, app.distro_id, [])
        guest.environment["KD_PROJECT_REPO"] = str(self._repository)
        token = secrets.token_hex(16)
        member = Member(cluster.name, role, number, str(node), folder, guest.port, token)
        return Pod(member, guest)

    def _members(self, cluster: str) -> dict[str, list[Member]]:
        return {r: [pod.member for pod in pods] for r, pods in self._pods[cluster].items()}

    def _write(self, pod: Pod, running: dict[str, Running], new: bool) -> None:
        """Write a member's file where it has changed; set up a new one, reconnect the others."""
        own = running[pod.member.cluster]
        meta = configmeta(
            pod.member,
            own,
            [running[n] for n in own.cluster.connections("clusters") if n in running],
            self._configmaps(own.cluster),
            [],
            TYPE_LABELS,
        )
        for cluster in (meta, *(meta["connections"]["clusters"] or {}).values()):
            self._give_statistics_a_port(cluster)
        # Pods have addresses of their own and one port; here a member finds its port by the first.
        role = meta["nodegroups"]["1"]["roles"][pod.member.role]
        for service in role["services"].values():
            service["endpoints"].sort(key=lambda url: url != pod.guest.url)
        if meta == pod.written:
            return
        reconnected = bool(pod.written) and pod.written["connections"] != meta["connections"]
        pod.written = meta
        if new:
            pod.guest.start_container()
        pod.guest.inject(meta)
        if new:
            pod.guest.set_up()
            status = pod.guest.configure()
            said = (pod.guest.guest / "configure.stderr").read_text()
            assert status == "0", f"{pod.member.name}: {said}"
            assert pod.guest.listens(), f"somebody else answers on the port of {pod.member.name}"
        elif reconnected:
            assert pod.guest.event("--reconnect").returncode == 0

    def _give_statistics_a_port(self, cluster: dict[str, Any]) -> None:
        """Pods have addresses of their own; here the two services of one need two ports."""
        roles = cluster["nodegroups"]["1"]["roles"]
        balancer = self._pods[cluster["cluster"]["name"]].get("LoadBalancer")
        if balancer:
            port = balancer[0].stats_port
            service = roles["LoadBalancer"]["services"]["haproxy-stats"]
            service["endpoints"] = [f"http://127.0.0.1:{port}"]

    def _configmaps(self, cluster: Cluster) -> list[dict[str, Any]]:
        """Return the connected ConfigMaps; who lacks the label is left out without a word."""
        kinds = (*self._registry.models(), *self._registry.aliases().values())
        found = {one.configmap_name: one.to_manifest() for one in kinds}
        return [found[n] for n in cluster.connections("configmaps") if n in found]

    def _tell(self, event: str, changed: list[Pod], new: list[Pod]) -> None:
        for one in changed:
            for pods in self._pods.get(one.member.cluster, {}).values():
                for pod in (pod for pod in pods if pod not in new):
                    fqdn = f"{one.member.name.replace('/', '-')}.example"
                    line = f"{event} --nodegroup 1 --role {one.member.role} --fqdns {fqdn}"
                    assert pod.guest.event(line).returncode == 0


@contextmanager
def running_pods(
    operator: Operator, registry: ApiServerRegistry, folder: Path, repository: Path
) -> Iterator[Pods]:
    """Run what the kdclusters of a namespace want, the only one that ``operator`` sees to."""
    pods = Pods(registry, folder, repository)
    operator.containers = pods
    stop = threading.Event()

    def watch() -> None:  # ConfigMaps, too, are told to members
        for _ in registry.changes(stop):
            operator.changed.set()

    threading.Thread(target=watch, daemon=True).start()
    yield pods
    stop.set()
    operator.close()  # nothing is started any more
    pods.close()
