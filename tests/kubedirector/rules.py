"""What KubeDirector's webhook refuses, in its own words; the definitions' schemas know none of it.

The rules are those of v0.11.0 (``pkg/validator/cluster.go``, ``app.go``).
"""

from collections.abc import Callable, Iterable
from typing import Any

from kubernetes.utils import parse_quantity

BUSY = "Change to spec not allowed before previous spec change has been processed."
NOTIFYING = (
    "Change to spec not allowed because some members have not processed notifications of "
    "previous change."
)
READ_ONLY = "KubeDirector-related status properties are read-only"
BACKUP_ANNOTATION = "kubedirector.hpe.com/status-backup-exists"
RESTORING_LABEL = "kubedirector.hpe.com/restoring"
ALLOW_DELETE_LABEL = "kubedirector.hpe.com/allow-delete-while-restoring"
DEFAULTS = {"appCatalog": "local", "namingScheme": "UID", "serviceType": "LoadBalancer"}
SHARED = {"ReadWriteMany", "ReadOnlyMany"}
Object = dict[str, Any]
# Returns an object of the namespace by its kind and name, None where there is none.
Look = Callable[[str, str], Object | None]


def of_cluster(new: Object, old: Object, generation: str | None, look: Look) -> list[str]:
    """Return what is wrong with a kdcluster that is created, or changed where there is an ``old``.

    ``generation`` is that of the status that the operator writes or wrote last, None where it has
    not seen this kdcluster.
    """
    if not old and BACKUP_ANNOTATION in (new["metadata"].get("annotations") or {}):
        return []  # taken for one that is restored: nothing is validated
    restoring = RESTORING_LABEL in (old.get("metadata", {}).get("labels") or {})
    changed = new["spec"] != old.get("spec")
    if old and restoring and changed:
        return [f"spec changes not allowed while {RESTORING_LABEL} label exists"]
    if _writes_status(new, old, generation):
        return [READ_ONLY]
    if not changed:
        return []
    app = look("KubeDirectorApp", new["spec"]["app"])
    if app is None:
        return [f"Invalid app({new['spec']['app']}). This app resource ID has not been registered."]
    wrong = [
        *(_now_allowed(new) if old else []),
        *_cardinality(new, app),
        *_roles(new, app),
        *_resources(new, app),
        *_service_accounts(new, look),
        *_claims(new, look),
    ]
    # Changes of what never changes are told alone.
    return (_changes(new, old) if old else []) or wrong


def of_deletion(old: Object) -> list[str]:
    """Return what is wrong with deleting a kdcluster."""
    labels = old["metadata"].get("labels") or {}
    if RESTORING_LABEL not in labels or ALLOW_DELETE_LABEL in labels:
        return []
    return [
        f"delete not allowed while {RESTORING_LABEL} label exists, unless {ALLOW_DELETE_LABEL} "
        "label also exists"
    ]


def of_app(new: Object | None, old: Object, clusters: Iterable[Object]) -> list[str]:
    """Return what is wrong with the change of a kdapp, or its deletion where ``new`` is None."""
    name, namespace = old["metadata"]["name"], old["metadata"]["namespace"]
    users = [f"{namespace}/{c['metadata']['name']}" for c in clusters if c["spec"]["app"] == name]
    if not users or (new is not None and new["spec"] == old["spec"]):
        return []
    return [
        "KubeDirectorApp resource cannot be deleted or modified while referenced by the following "
        f"KubeDirectorCluster resources: {', '.join(users)}"
    ]


def defaults(new: Object, old: Object) -> list[Object]:
    """Return the JSON patch that fills in what a kdcluster's spec leaves out."""
    if not old and BACKUP_ANNOTATION in (new["metadata"].get("annotations") or {}):
        path = "/metadata/labels"
        labels = {**(new["metadata"].get("labels") or {}), RESTORING_LABEL: ""}
        return [{"op": "add", "path": path, "value": labels}]
    return [
        {"op": "add", "path": f"/spec/{key}", "value": value}
        for key, value in DEFAULTS.items()
        if key not in new["spec"]
    ]


def _writes_status(new: Object, old: Object, generation: str | None) -> bool:
    """Tell whether a body holds another status than the operator's newest, which may be unwritten.

    A body without any, as that of a plain PUT, passes here and is refused by what comes after.
    """
    status = new.get("status")
    if status is None:
        return False
    if generation is not None:
        return bool(status.get("generationUID") != generation)
    return bool(status != old.get("status"))


def _now_allowed(new: Object) -> list[str]:
    status = new.get("status")
    if status is None or status.get("state") == "spec modified":
        return [BUSY]
    members = [member for role in status.get("roles", []) for member in role["members"]]
    waiting = any((m.get("stateDetail") or {}).get("pendingNotifyCmds") for m in members)
    return [NOTIFYING] if waiting else []


def _cardinality(new: Object, app: Object) -> list[str]:
    """A role has as many members as its kdapp says, or at least so many where that ends with +."""
    cardinality = {role["id"]: str(role["cardinality"]) for role in app["spec"]["roles"]}
    errors = []
    for role in new["spec"]["roles"]:
        wanted = cardinality.get(role["id"])
        if wanted is None or "members" not in role:
            continue
        number, members = int(wanted.rstrip("+")), role["members"]
        if members < number if wanted.endswith("+") else members != number:
            errors.append(
                f"Invalid member count for role({role['id']}). Specified member count:{members} "
                f"Role cardinality:{wanted}"
            )
    return errors


def _changes(new: Object, old: Object) -> list[str]:
    """Only the number of a role's members may change once there are any."""
    errors = [
        f"The {key} property is read-only."
        for key in ("app", "appCatalog")
        if new["spec"].get(key) != old["spec"].get(key)
    ]
    before = {role["id"]: {**role, "members": 0} for role in old["spec"]["roles"]}
    existing = {role["id"] for role in (old.get("status") or {}).get("roles", [])}
    for role in new["spec"]["roles"]:
        if role["id"] in existing and before.get(role["id"]) != {**role, "members": 0}:
            errors.append(
                f"Role({role['id']}) properties other than the members count cannot be modified "
                "while role members exist."
            )
    return errors


def _roles(new: Object, app: Object) -> list[str]:
    known = [role["id"] for role in app["spec"]["roles"]]
    named = [role["id"] for role in new["spec"]["roles"]]
    errors = ["Each id in the roles array must be unique."] if len({*named}) < len(named) else []
    errors += [
        f'Invalid role({role}) in app({new["spec"]["app"]}) specified. Valid roles: "'
        f'{",".join(known)}"'
        for role in named
        if role not in known
    ]
    errors += [
        f"Active role({role}) in app({new['spec']['app']}) must have its configuration included "
        "in the roles array."
        for role in app["spec"]["config"]["selectedRoles"]
        if role not in named
    ]
    return errors


def _resources(new: Object, app: Object) -> list[str]:
    """Each role's requests must reach its kdapp's minResources; its limits do not count."""
    least = {role["id"]: role.get("minResources") or {} for role in app["spec"]["roles"]}
    errors = []
    for role in new["spec"]["roles"]:
        requests = (role.get("resources") or {}).get("requests") or {}
        for resource, minimum in least.get(role["id"], {}).items():
            has = requests.get(resource, "0")
            if parse_quantity(has) < parse_quantity(minimum):
                errors.append(
                    f'Specified resource("{resource}") value("{has}") for role("{role["id"]}") is '
                    f'invalid. Minimum value must be "{minimum}".'
                )
    return errors


def _service_accounts(new: Object, look: Look) -> list[str]:
    named = {r["id"]: r["serviceAccountName"] for r in _roles_with(new, "serviceAccountName")}
    return [
        f"service account {account} requested by role {role} does not exist"
        for role, account in named.items()
        if look("ServiceAccount", account) is None
    ]


def _claims(new: Object, look: Look) -> list[str]:
    """A role's claims exist; those of several members can be mounted by several."""
    namespace, errors, users = new["metadata"]["namespace"], [], dict[str, int]()
    for role in _roles_with(new, "volumeProjections"):
        for volume in role["volumeProjections"]:
            name = volume["pvcName"]
            claim = look("PersistentVolumeClaim", name)
            if claim is None:
                errors.append(
                    f"Unable to find persistentvolumeclaim({name}) in namespace({namespace}) as "
                    f"specified for role({role['id']})."
                )
            elif not SHARED & {*claim["spec"]["accessModes"]}:
                users[name] = users.get(name, 0) + role.get("members", 1)
    return errors + [
        f"Specified persistentvolumeclaim({name}) is invalid. AccessModes for this volume must "
        "contain either ReadWriteMany or ReadOnlyMany, since its consumed by more than 1 member "
        "of the cluster."
        for name, number in users.items()
        if number > 1
    ]


def _roles_with(new: Object, key: str) -> list[Object]:
    return [role for role in new["spec"]["roles"] if role.get(key)]
