"""What a user of a namespace needs to be allowed, what is missing, and how long it is granted.

`deploy/rbac.yaml` is the Role that has all of it.
"""

import base64
import json
from datetime import UTC, datetime

from kubernetes.client import Configuration
from kubernetes.dynamic import DynamicClient

from kd_pipeline.registry.api_errors import told

READ = ("get", "list", "watch")
KUBEDIRECTOR = "kubedirector.hpe.com"
NEEDED = {
    ("", "configmaps"): (*READ, "create", "update", "patch", "delete"),
    (KUBEDIRECTOR, "kubedirectorclusters"): (*READ, "create", "patch"),
    (KUBEDIRECTOR, "kubedirectorapps"): READ,
}


def missing_permissions(
    client: DynamicClient, namespace: str, server: str, timeout: tuple[float, float]
) -> list[str]:
    """Return what this user may not do, as "verb resource" (SelfSubjectAccessReview)."""
    missing = []
    with told("create", "selfsubjectaccessreviews", namespace, server):
        review = client.resources.get(
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
    """Say until when a token is good; None where it is none that tells (RFC 7519, ``exp``).

    Nothing is verified, since that is the server's part, and nothing of the token is told.
    """
    keys = configuration.api_key or {}
    # The library's later releases write the first, its earlier ones the second.
    header = str(keys.get("BearerToken") or keys.get("authorization") or "")
    parts = header.split(" ")[-1].split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        until = datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
    verb = "expired" if until < datetime.now(UTC) else "good until"
    return f"{verb} {until:%Y-%m-%d %H:%M} UTC"
