"""What a user of a namespace needs to be allowed, what is missing, and how long it is granted.

`deploy/rbac.yaml` is the Role that has all of it.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from kubernetes.client import Configuration
from kubernetes.dynamic import DynamicClient

from kd_pipeline.registry.api_errors import told
from kd_pipeline.registry.credentials import expiry

READ = ("get", "list", "watch")
KUBEDIRECTOR = "kubedirector.hpe.com"
NEEDED = {
    ("", "configmaps"): (*READ, "create", "update", "patch", "delete"),
    # Not "create": who may create a kdcluster may run pods under any service account.
    (KUBEDIRECTOR, "kubedirectorclusters"): (*READ, "patch"),
    (KUBEDIRECTOR, "kubedirectorapps"): ("list", "watch"),
}


def missing_permissions(
    connect: Callable[[], DynamicClient], namespace: str, server: str, timeout: tuple[float, float]
) -> list[str]:
    """Return what this user may not do, as "verb resource" (SelfSubjectAccessReview)."""
    missing = []
    with told("create", "selfsubjectaccessreviews", namespace, server):
        review = connect().resources.get(
            api_version="authorization.k8s.io/v1", kind="SelfSubjectAccessReview"
        )
        for (group, resource), verbs in NEEDED.items():
            for verb in verbs:
                what = {"group": group, "resource": resource, "verb": verb}
                body = {"spec": {"resourceAttributes": {**what, "namespace": namespace}}}
                answer = review.create(body=body, _request_timeout=timeout)
                if not answer.status.allowed:
                    missing.append(f"{verb} {resource}")
    return missing


def token_words(configuration: Configuration) -> str | None:
    """Say until when a token is good, and nothing else of it; None where it does not tell."""
    keys = configuration.api_key or {}
    # The library's later releases write the first, its earlier ones the second.
    header = str(keys.get("BearerToken") or keys.get("authorization") or "")
    until = expiry(header.split(" ")[-1])
    if until is None:
        return None
    verb = "expired" if until < datetime.now(UTC) else "good until"
    return f"{verb} {until:%Y-%m-%d %H:%M} UTC"
