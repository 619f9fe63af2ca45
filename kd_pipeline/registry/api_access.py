"""What a user of a namespace needs to be allowed, and what the API server says is missing.

`deploy/rbac.yaml` is the Role that has all of it.
"""

from kubernetes.dynamic import DynamicClient

from kd_pipeline.registry.api_errors import told

READ = ("get", "list", "watch")
KUBEDIRECTOR = "kubedirector.hpe.com"
NEEDED = {
    ("", "configmaps"): (*READ, "create", "update", "delete"),
    (KUBEDIRECTOR, "kubedirectorclusters"): (*READ, "create", "update", "patch"),
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
