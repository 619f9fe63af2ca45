"""KubeDirector's admission webhook, in front of the tests' own API server.

As the operator's, it is a mutating webhook that fails closed: such a one sees an update as it was
sent, before the API server puts back the status that a client has left out, and while it does not
answer nobody changes a kdcluster or a kdapp.
"""

import base64
import json
import random
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from tests.kubedirector import rules
from tests.kubedirector.rules import Object
from tests.real_api_server import ApiServer

NAME = "kubedirector-webhook"
KUBEDIRECTOR = "kubedirector.hpe.com/v1beta1"
API_VERSIONS = {"KubeDirectorApp": KUBEDIRECTOR, "KubeDirectorCluster": KUBEDIRECTOR}


class Admission:
    """The webhook's server; ``refused`` has what it said.

    ``race`` is how often, in addition, a change of a kdcluster meets a status that is being
    written. ``generations`` has, by UID, the status that the operator writes or wrote last.
    """

    def __init__(self, server: ApiServer, race: float = 0.0, seed: int = 0) -> None:
        self.refused: list[str] = []
        self.race = race
        self.down = False  # as while the operator restarts
        self.generations: dict[str, str] = {}
        self._random = random.Random(seed)
        self._server = server
        self._dynamic = DynamicClient(server.client())
        self._looking = threading.Lock()  # the library's discovery bears one thread at a time
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server.ca, server.ca.with_suffix(".key"))
        self._http.socket = context.wrap_socket(
            self._http.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        server.apply(self._configuration())

    def close(self) -> None:
        """Answer nobody any more."""
        self._http.shutdown()
        self._http.server_close()

    def review(self, request: Object) -> Object:
        """Return the answer to an AdmissionReview's request."""
        errors = self._errors(request)
        self.refused += errors
        answer: Object = {"uid": request["uid"], "allowed": not errors}
        if errors:
            return {**answer, "status": {"message": "\n" + "\n".join(errors)}}
        if request["kind"]["kind"] != "KubeDirectorCluster" or request["object"] is None:
            return answer
        missing = rules.defaults(request["object"], request["oldObject"] or {})
        patch = base64.b64encode(json.dumps(missing).encode()).decode()
        return {**answer, "patchType": "JSONPatch", "patch": patch} if missing else answer

    def _errors(self, request: Object) -> list[str]:
        namespace, new, old = request["namespace"], request["object"], request["oldObject"] or {}
        if request["kind"]["kind"] == "KubeDirectorApp":
            return rules.of_app(new, old, self._clusters(namespace)) if old else []
        if request["operation"] == "DELETE":
            return rules.of_deletion(old)
        new["metadata"].setdefault("namespace", namespace)
        meets = self._random.random() < self.race
        if old and "status" in new and new["spec"] != old["spec"] and meets:
            return [rules.READ_ONLY]
        generation = self.generations.get(new["metadata"].get("uid", ""))
        return rules.of_cluster(new, old, generation, lambda k, n: self._look(namespace, k, n))

    def _look(self, namespace: str, kind: str, name: str) -> Object | None:
        try:
            return self._get(kind, namespace=namespace, name=name)
        except NotFoundError:
            return None

    def _clusters(self, namespace: str) -> list[Object]:
        found: list[Object] = self._get("KubeDirectorCluster", namespace=namespace)["items"]
        return found

    def _get(self, kind: str, **where: str) -> Object:
        with self._looking:
            version = API_VERSIONS.get(kind, "v1")
            resource = self._dynamic.resources.get(api_version=version, kind=kind)
        found: Object = resource.get(**where).to_dict()
        return found

    def _configuration(self) -> Object:
        bundle = base64.b64encode(self._server.ca.read_bytes()).decode()
        url = f"https://127.0.0.1:{self._http.server_address[1]}/validate"
        kinds = ["kubedirectorclusters", "kubedirectorapps"]
        operations = ["CREATE", "UPDATE", "DELETE"]
        rule = {"apiGroups": ["kubedirector.hpe.com"], "apiVersions": ["v1beta1"]}
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": NAME},
            "webhooks": [
                {
                    "name": "validate-cr.kubedirector.hpe.com",
                    "clientConfig": {"url": url, "caBundle": bundle},
                    "rules": [{**rule, "resources": kinds, "operations": operations}],
                    "failurePolicy": "Fail",
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                }
            ],
        }


def _handler(admission: Admission) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if admission.down:
                self.close_connection = True
                return
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
