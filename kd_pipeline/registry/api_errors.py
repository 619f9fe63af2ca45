"""What a Kubernetes API server's refusals mean, in one sentence each.

The sentences name verb, resource and namespace, since that is what an administrator is to be asked
for. Status codes: Kubernetes API conventions, "Response Status Kind".
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from kubernetes.dynamic.exceptions import DynamicApiError, ResourceNotFoundError
from urllib3.exceptions import (
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    ProxyError,
    SSLError,
)

from kd_pipeline.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    KdError,
    NotFound,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from kd_pipeline.plain_text import one_line

# While KubeDirector processes a change it refuses the next one, and, where it writes a kdcluster's
# status at the same moment, any (v0.11.0, pkg/validator/cluster.go); while it restarts, the API
# server cannot ask it. All mean "not now".
NOT_NOW = (
    "Change to spec not allowed",
    "status properties are read-only",
    'failed calling webhook "validate-cr.kubedirector.hpe.com"',
)


@contextmanager
def told(verb: str, resource: str, namespace: str, server: str) -> Iterator[None]:
    """Raise what the API server refuses as a KdError; ``verb`` and ``resource`` as RBAC has them.

    NotFound (404), Conflict (409) and the others keep their HTTP status.
    """
    try:
        yield
    except ResourceNotFoundError:
        raise NotFound(
            f"The cluster at {server} does not know {resource}: KubeDirector is not installed "
            "there. Ask its administrator to install it."
        ) from None
    except DynamicApiError as error:
        raise _meaning(error, f"{verb} {resource} in namespace {namespace}", server) from None
    except HTTPError as error:
        raise Unavailable(f"{_why_no_answer(error, server)} Nothing was changed.") from None


def _why_no_answer(error: HTTPError, server: str) -> str:
    """Say what is between us and the API server, and what to look at."""
    reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    if isinstance(reason, ProxyError):
        return (
            f"The proxy before the Kubernetes API server {server} does not let us through "
            f"({one_line(reason.original_error, 200)}); check proxy-url in the kubeconfig, or "
            "HTTPS_PROXY and NO_PROXY."
        )
    if isinstance(reason, SSLError):
        inner = reason.args[0] if reason.args else reason
        why = getattr(inner, "verify_message", "") or one_line(inner, 200)
        return (
            f"The Kubernetes API server {server} is not trusted ({why}); check "
            "certificate-authority and server in the kubeconfig, or download a new one."
        )
    if isinstance(reason, NameResolutionError):
        return (
            f"The name of the Kubernetes API server {server} is not known here; check the server "
            "in the kubeconfig, and your network or VPN."
        )
    return (
        f"The Kubernetes API server {server} does not answer ({type(reason).__name__}); check the "
        "network, and the server in the kubeconfig."
    )


def _meaning(error: DynamicApiError, what: str, server: str) -> KdError:
    status, message = int(error.status or 0), message_of(error)
    if any(words in message for words in NOT_NOW):
        return Conflict(f"Could not {what}: {message}")
    if status == 401:
        return Unauthorized(
            f"The API server {server} does not accept these credentials; they may have expired. "
            "Log in to the cluster again, or connect a newer kubeconfig."
        )
    if status == 403 and "exceeded quota" in message:
        return Forbidden(f"The quota is used up: {message} Delete old models, or ask for more.")
    if status == 403 and "is being terminated" in message:
        return Unavailable(
            f"Could not {what}: the namespace is being deleted. Use another (KD_NAMESPACE), or "
            "register again when it has been recreated."
        )
    if status == 403:
        return Forbidden(
            f"You may not {what}; ask the administrator for a Role that allows it. ({message})"
        )
    if status == 404:
        return NotFound(f"Could not {what}: {message}")
    if status == 409:
        return Conflict(f"Could not {what}: {message}")
    if status == 413 or "more than 1048576 bytes" in message:
        return TooLarge(f"Could not {what}: a ConfigMap holds 1 MiB at most. ({message})")
    if status in (400, 422):
        return InvalidInput(f"Could not {what}: {message}")
    return Unavailable(f"Could not {what}, as {server} answered {status}: {message}")


def message_of(error: DynamicApiError) -> str:
    """Return the server's own sentence."""
    try:
        text = str(json.loads(error.body or "")["message"])
    except (ValueError, TypeError, KeyError):
        text = str(error.reason or error)
    text = one_line(text)  # KubeDirector's begin with a line break
    return text if text.endswith(".") else f"{text}."
