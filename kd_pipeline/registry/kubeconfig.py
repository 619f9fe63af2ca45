"""kubeconfig files as kubectl reads them: several merged, each with its own relative paths.

``KUBECONFIG`` names one or, with colons between, several; else it is ``~/.kube/config``. Of what
two of them set, the first one's counts (kubernetes.io, "Organizing cluster access using kubeconfig
files"). ``KD_CONTEXT`` names another context than the current one.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kd_pipeline import manifest_text
from kd_pipeline.errors import InvalidInput
from kd_pipeline.manifest_text import BadManifest
from kd_pipeline.plain_text import one_line
from kd_pipeline.registry.credentials import checked_provider, of_plugin

if TYPE_CHECKING:
    from kubernetes.client import Configuration

DEFAULT_NAMESPACE = "default"
LISTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
# What may name a file, relative to the kubeconfig's own folder.
FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
LARGEST_KUBECONFIG = 16 * 1024 * 1024
Settings = dict[str, Any]


@dataclass(frozen=True)
class Kubeconfig:
    """A merged kubeconfig; ``source`` says for people where it is from."""

    settings: Settings
    source: str


def kubeconfig_paths() -> tuple[Path, ...]:
    """Return the files that there may be; none where ``KUBECONFIG`` is /dev/null."""
    named = os.environ.get("KUBECONFIG") or "~/.kube/config"
    return tuple(
        Path(one).expanduser() for one in named.split(os.pathsep) if one not in ("", os.devnull)
    )


def kubeconfig_of_files() -> Kubeconfig | None:
    """Return the kubeconfig of this user, None where nobody has named any and there is none.

    Raises InvalidInput for files that are named and not there, or that cannot be read. As with
    kubectl, some of several may be missing.
    """
    paths = kubeconfig_paths()
    there = [path for path in paths if path.exists()]
    if not there:
        if not os.environ.get("KUBECONFIG") or not paths:
            return None
        missing = "which is not there" if len(paths) == 1 else "none of which is there"
        raise InvalidInput(
            f"KUBECONFIG names {', '.join(map(str, paths))}, {missing}; correct it, or unset it."
        )
    settings: Settings = {}
    for path in there:
        _merge(settings, _absolute(_read(path), path.absolute().parent))
    return Kubeconfig(settings, ", ".join(map(str, there)))


def kubeconfig_of_secret(content: bytes) -> Kubeconfig:
    """Return the kubeconfig that is connected to a notebook as a secret; raises InvalidInput."""
    source = "the connected secret"
    settings: Settings = {}
    _merge(settings, _parsed(content, source))
    return Kubeconfig(settings, source)


def configuration_of(kubeconfig: Kubeconfig) -> tuple["Configuration", str]:
    """Return what a client needs, and the namespace; raises InvalidInput, Unauthorized."""
    from kubernetes import client, config

    name, context = _context(kubeconfig)
    cluster = _named(kubeconfig, "clusters", context, name)
    user = _named(kubeconfig, "users", context, name) if context.get("user") else {}
    if not str(cluster.get("server") or "").startswith(("https://", "http://")):
        raise _unusable(kubeconfig, f"the cluster of context {name!r} has no server's URL")
    for key, path in {**cluster, **user}.items():
        if key in FILES and not os.access(str(path), os.R_OK):
            raise _unusable(kubeconfig, f"{key} {str(path)!r} is not there, or not readable")
    renew: Callable[[], Settings] | None = None
    if user.get("exec"):
        renew = partial(of_plugin, user["exec"], cluster, kubeconfig.source)
        user = {**renew(), **{k: v for k, v in user.items() if k != "exec"}}
    elif user.get("auth-provider"):
        checked_provider(user["auth-provider"])
    only = {
        "current-context": name,
        "contexts": [{"name": name, "context": {**context, "cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
    }
    configuration = client.Configuration()
    try:
        config.load_kube_config_from_dict(only, client_configuration=configuration)
    except Exception as error:  # whatever a login service, a key or a certificate made of it
        raise _unusable(kubeconfig, f"{type(error).__name__}: {error}") from None
    if renew and "token" in user:
        configuration.refresh_api_key_hook = _renewing(renew)  # type: ignore[assignment]
    return configuration, str(context.get("namespace") or DEFAULT_NAMESPACE)


def _renewing(renew: Callable[[], Settings]) -> Callable[["Configuration"], None]:
    """Return what the client library calls before each request."""

    def update(configuration: "Configuration") -> None:
        token = f"Bearer {renew()['token']}"
        configuration.api_key.update(dict.fromkeys(configuration.api_key, token))

    return update


def _read(path: Path) -> Settings:
    try:
        if not path.is_file():
            raise InvalidInput(f"The kubeconfig {path} is not a regular file; name one.")
        with path.open("rb") as file:
            content = file.read(LARGEST_KUBECONFIG + 1)
    except OSError as error:
        raise InvalidInput(
            f"The kubeconfig {path} cannot be read ({error.strerror}); make it readable, or set "
            "KUBECONFIG to another."
        ) from None
    return _parsed(content, str(path))


def _parsed(content: bytes, source: str) -> Settings:
    """Return a kubeconfig's content, its lists by name; raises InvalidInput."""
    if len(content) > LARGEST_KUBECONFIG:
        raise InvalidInput(f"The kubeconfig of {source} is larger than 16 MiB: it is none.")
    try:
        documents = manifest_text.read_all(content)
    except BadManifest as error:
        raise _unusable_source(source, f"it is not YAML: {error}") from None
    try:
        (loaded,) = documents or [None]
        settings: Settings = {"current-context": str(loaded.get("current-context") or "")}
        for key, inner in LISTS.items():
            entries = loaded.get(key) or []
            settings[key] = {str(one["name"]): dict(one.get(inner) or {}) for one in entries}
    except (TypeError, AttributeError, KeyError, ValueError):
        raise _unusable_source(source, "it has another shape than a kubeconfig") from None
    return settings


def _absolute(settings: Settings, folder: Path) -> Settings:
    """Make the paths of a file's entries absolute, in place."""
    for entry in (*settings["clusters"].values(), *settings["users"].values()):
        for key in FILES:
            if entry.get(key):
                entry[key] = str(folder / str(entry[key]))
        plugin = entry.get("exec")
        if isinstance(plugin, dict) and os.sep in str(plugin.get("command")):
            plugin["command"] = str(folder / str(plugin["command"]))
    return settings


def _merge(settings: Settings, further: Settings) -> None:
    settings["current-context"] = settings.get("current-context") or further["current-context"]
    for key in LISTS:
        settings[key] = {**further[key], **settings.get(key, {})}


def _context(kubeconfig: Kubeconfig) -> tuple[str, Settings]:
    settings = kubeconfig.settings
    known = ", ".join(settings["contexts"]) or "none"
    wanted = os.environ.get("KD_CONTEXT") or ""
    name = wanted or settings["current-context"]
    if not name:
        raise _unusable(
            kubeconfig, f"it has no current context; set KD_CONTEXT to one of its own: {known}"
        )
    if name not in settings["contexts"]:
        whose = "which KD_CONTEXT names" if wanted else "which is to be the current one"
        raise _unusable(kubeconfig, f"it has no context {name!r}, {whose}; it has: {known}")
    return name, settings["contexts"][name]


def _named(kubeconfig: Kubeconfig, key: str, context: Mapping[str, Any], name: str) -> Settings:
    wanted = str(context.get(LISTS[key]) or "")
    found: Settings | None = kubeconfig.settings[key].get(wanted)
    if found is None:
        what = f"context {name!r} names the {LISTS[key]} {wanted!r}, which is not there"
        raise _unusable(kubeconfig, what)
    return found


def _unusable(kubeconfig: Kubeconfig, why: str) -> InvalidInput:
    return _unusable_source(kubeconfig.source, why)


def _unusable_source(source: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"The kubeconfig of {source} cannot be used: {one_line(why, 400)}. Correct it, or "
        "download a new one from your cluster."
    )
