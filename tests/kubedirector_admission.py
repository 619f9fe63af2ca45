"""KubeDirector's admission webhook for the tests' own API server: what the operator refuses.

The rules are those of KubeDirector v0.11.0 (``pkg/validator/cluster.go``), which the definitions'
schemas do not know. As there, it is a mutating webhook: such a one sees an update as it was sent,
before the API server puts back the status that a client has left out.
"""

import base64
import json
import random
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes.utils import parse_quantity

from kd_pipeline.clusters import APP_KIND, CLUSTER_KIND
from kd_pipeline.errors import NotFound
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.real_api_server import ApiServer

BUSY = "Change to spec not allowed before previous spec change has been processed."
NOTIFYING = (
    "Change to spec not allowed because some members have not processed notifications of "
    "previous change."
)
READ_ONLY = "KubeDirector-related status properties are read-only"
DEFAULTS = {"appCatalog": "local", "namingScheme": "UID", "serviceType": "LoadBalancer"}
Object = dict[str, Any]


class Admission:
    """The webhook's server; ``refused`` has what it said, ``race`` how often status is written.

    While a client edits, the operator writes the status now and then, and refuses that edit.
    """

    def __init__(self, server: ApiServer, race: float = 0.0, seed: int = 0) -> None:
        self.refused: list[str] = []
        self.race = race
        self._server = server
        self._random = random.Random(seed)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server.ca, server.ca.with_suffix(".key"))
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        server.apply(self._configuration())

    def close(self) -> None:
        """Stop answering; the API server then takes kdclusters as they are."""
        self._server.kubectl("delete", "mutatingwebhookconfiguration", "kubedirector-webhook")
        self._http.shutdown()
        self._http.server_close()

    def review(self, request: Object) -> Object:
        """Return the answer to an AdmissionReview's request."""
        errors = self._errors(request)
        self.refused += errors
        answer: Object = {"uid": request["uid"], "allowed": not errors}
        if errors:
            return {**answer, "status": {"message": "\n" + "\n".join(errors)}}
        spec = request["object"]["spec"]
        missing = [
            {"op": "add", "path": f"/spec/{key}", "value": value}
            for key, value in DEFAULTS.items()
            if key not in spec
        ]
        patch = base64.b64encode(json.dumps(missing).encode()).decode()
        return {**answer, "patchType": "JSONPatch", "patch": patch} if missing else answer

    def _errors(self, request: Object) -> list[str]:
        new, old = request["object"], request["oldObject"] or {}
        if old and new.get("spec") == old.get("spec"):
            return []
        if old and "status" in new and self._random.random() < self.race:
            return [READ_ONLY]
        app = self._app(request["namespace"], new["spec"]["app"])
        if app is None:
            return [
                f"Invalid app({new['spec']['app']}). This app resource ID has not been registered."
            ]
        changes = [*_now_allowed(new), *_role_changes(new, old)] if old else []
        return [*changes, *_roles(new, app), *_resources(new, app)]

    def _app(self, namespace: str, name: str) -> Object | None:
        registry = ApiServerRegistry(self._server.client(), namespace)
        try:
            return registry._get(APP_KIND, name)
        except NotFound:
            return None

    def _configuration(self) -> Object:
        bundle = base64.b64encode(self._server.ca.read_bytes()).decode()
        url = f"https://127.0.0.1:{self._http.server_address[1]}/validate"
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "kubedirector-webhook"},
            "webhooks": [
                {
                    "name": "validate-cr.kubedirector.hpe.com",
                    "clientConfig": {"url": url, "caBundle": bundle},
                    "rules": [
                        {
                            "apiGroups": ["kubedirector.hpe.com"],
                            "apiVersions": ["v1beta1"],
                            "resources": ["kubedirectorclusters"],
                            "operations": ["CREATE", "UPDATE"],
                        }
                    ],
                    "failurePolicy": "Fail",
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                }
            ],
        }


@contextmanager
def enforced(server: ApiServer, race: float = 0.0) -> Iterator[Admission]:
    """Let an API server ask KubeDirector's webhook, until the end."""
    admission = Admission(server, race)
    try:
        yield admission
    finally:
        admission.close()


def set_status(registry: ApiServerRegistry, cluster: str, **status: Any) -> None:
    """Write a kdcluster's status, as the operator does."""
    registry._resource(CLUSTER_KIND).status.patch(
        body={"status": status},
        name=cluster,
        namespace=registry.namespace,
        content_type="application/merge-patch+json",
    )


def _now_allowed(new: Object) -> list[str]:
    status = new.get("status")
    if status is None or status.get("state") == "spec modified":
        return [BUSY]
    members = [member for role in status.get("roles", []) for member in role["members"]]
    waiting = any((m.get("stateDetail") or {}).get("pendingNotifyCmds") for m in members)
    return [NOTIFYING] if waiting else []


def _role_changes(new: Object, old: Object) -> list[str]:
    """Only the number of a role's members may change."""
    errors = [
        f"The {key} property is read-only."
        for key in ("app", "appCatalog")
        if new["spec"].get(key) != old["spec"].get(key)
    ]
    before = {role["id"]: {**role, "members": 0} for role in old["spec"]["roles"]}
    for role in new["spec"]["roles"]:
        if before.get(role["id"], role) not in (role, {**role, "members": 0}):
            errors.append(
                f"Role({role['id']}) properties other than the members count cannot be modified "
                "while role members exist."
            )
    return errors


def _roles(new: Object, app: Object) -> list[str]:
    known = [role["id"] for role in app["spec"]["roles"]]
    named = [role["id"] for role in new["spec"]["roles"]]
    errors = [
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
        requests = role["resources"].get("requests") or {}
        for resource, minimum in least.get(role["id"], {}).items():
            has = requests.get(resource, "0")
            if parse_quantity(has) < parse_quantity(minimum):
                errors.append(
                    f'Specified resource("{resource}") value("{has}") for role("{role["id"]}") is '
                    f'invalid. Minimum value must be "{minimum}".'
                )
    return errors


def _handler(admission: Admission) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            review["response"] = admission.review(review.pop("request"))
            body = json.dumps(review).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Print nothing."""

    return Handler
