"""Credentials that a kubeconfig does not hold itself: those of plugins and of login services.

A plugin is a command that prints an ExecCredential (kubernetes.io, "client-go credential
plugins"). The client library runs them as well, but waits for ever and keeps their words to itself.
"""

import base64
import json
import os
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kd_pipeline.errors import InvalidInput, Unauthorized
from kd_pipeline.plain_text import one_line

PLUGIN_S = 30.0
# Credentials that end within this time are asked for anew.
RENEW_BEFORE = timedelta(seconds=60)
API_GROUP = "client.authentication.k8s.io/"
LONGEST_WORDS = 300
Settings = dict[str, Any]


@dataclass(frozen=True)
class _Held:
    user: Settings
    until: datetime | None

    def good(self) -> bool:
        return self.until is None or datetime.now(UTC) + RENEW_BEFORE < self.until


_held: dict[str, _Held] = {}
_asking = threading.Lock()  # many threads want the same, and a plugin may ask a person


def of_plugin(plugin: Mapping[str, Any], cluster: Mapping[str, Any], source: str) -> Settings:
    """Return the user of a kubeconfig that a plugin gives; it is asked again when that ends.

    Raises InvalidInput where the plugin is not there or answers what is none, Unauthorized, with
    its own words, where it fails or takes longer than PLUGIN_S.
    """
    if not isinstance(plugin, Mapping) or not plugin.get("command"):
        raise InvalidInput(f"The kubeconfig of {source} has a plugin (exec) without a command.")
    key = json.dumps([plugin, cluster], default=str, sort_keys=True)
    with _asking:
        if key not in _held or not _held[key].good():
            _held[key] = _asked(plugin, cluster)
        return _held[key].user


def checked_provider(provider: Mapping[str, Any]) -> None:
    """Raise Unauthorized or InvalidInput for an auth-provider whose login has to be done anew."""
    name = str(provider.get("name"))
    if name != "oidc":
        raise InvalidInput(
            f"The kubeconfig logs in by auth-provider {name!r}, which Kubernetes has given up; "
            "take one that uses a plugin (exec), such as kubelogin or gke-gcloud-auth-plugin."
        )
    settings = provider.get("config") or {}
    until = expiry(str(settings.get("id-token") or ""))
    if until and until < datetime.now(UTC) and not settings.get("refresh-token"):
        issuer = settings.get("idp-issuer-url") or "its issuer"
        raise Unauthorized(
            f"The kubeconfig's token of {issuer} expired {until:%Y-%m-%d %H:%M} UTC, and has no "
            "refresh-token. Log in to the cluster again."
        )


def expiry(token: str) -> datetime | None:
    """Return until when a token is good; None where it is none that tells (RFC 7519, ``exp``).

    Nothing is verified, since that is the server's part.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None


def _asked(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> _Held:
    command = [str(plugin["command"]), *map(str, plugin.get("args") or ())]
    said = _run(command, plugin, cluster)
    try:
        status = json.loads(said)["status"]
        until = status.get("expirationTimestamp")
        ends = datetime.fromisoformat(str(until).replace("Z", "+00:00")) if until else None
        if status.get("token"):
            return _Held({"token": str(status["token"])}, ends)
        pair = {
            "client-certificate-data": _base64(status["clientCertificateData"]),
            "client-key-data": _base64(status["clientKeyData"]),
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidInput(
            f"The kubeconfig's plugin `{command[0]}` printed no ExecCredential with a token or a "
            "certificate; run it in a terminal to see what it prints."
        ) from None
    return _Held(pair, ends)


def _run(command: list[str], plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> str:
    """Return what a plugin prints; its secrets are in there, so none of it is told."""
    variables = {str(one["name"]): str(one["value"]) for one in plugin.get("env") or ()}
    environment = {**os.environ, **variables, "KUBERNETES_EXEC_INFO": _info(plugin, cluster)}
    name = command[0]  # its arguments may hold a secret, and are not told
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PLUGIN_S,
            check=False,
        )
    except FileNotFoundError:
        hint = _words(str(plugin.get("installHint") or "install it, or correct the kubeconfig."))
        raise InvalidInput(f"The kubeconfig's plugin `{name}` is not there: {hint}") from None
    except OSError as error:
        raise InvalidInput(
            f"The kubeconfig's plugin `{name}` cannot be run: {error.strerror}."
        ) from None
    except subprocess.TimeoutExpired:
        raise Unauthorized(
            f"The kubeconfig's plugin `{name}` has given no credentials for {PLUGIN_S:g} s; it may "
            "wait for a login. Log in with it in a terminal, then try again."
        ) from None
    if done.returncode:
        words = _words((done.stderr or done.stdout).decode(errors="replace")) or "it said nothing"
        raise Unauthorized(
            f"The kubeconfig's plugin `{name}` gives no credentials (exit code "
            f"{done.returncode}): {words}"
        )
    return done.stdout.decode(errors="replace")


def _info(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> str:
    """Return what the plugin is told of its task, by an environment variable."""
    spec: Settings = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        keys = {"certificate-authority-data", "insecure-skip-tls-verify", "proxy-url", "server"}
        spec["cluster"] = {k: v for k, v in cluster.items() if k in {*keys, "tls-server-name"}}
    version = str(plugin.get("apiVersion") or f"{API_GROUP}v1")
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec})


def _words(text: str) -> str:
    """Return the end of what a plugin said."""
    return one_line(text)[-LONGEST_WORDS:]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
