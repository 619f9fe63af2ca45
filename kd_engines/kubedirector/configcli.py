"""``configcli --get node.fqdn``: one value of configmeta.json, for scripts and notebooks.

KubeDirector would install its own configcli, which needs root, wherever a container has none. Of
that tool scripts use ``--get`` alone (``ccli``, ``bdvcli`` and ``bd_vcli`` are its other names):
it prints a value, or the keys of an object, joined by commas, and follows ``bdvlibrefkey``.

Two keys are answered without the file, which jobs and scoring scripts are not told of, as it has
tokens: ``cluster.project_repo``, which the product of 2020 added, with a slash at its end for those
who add none, and a job's ``cluster.name``.
"""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from kd_pipeline.connections_file import GUEST_FILES, default_configmeta
from kd_pipeline.errors import InvalidInput, KdError, NotFound
from kd_pipeline.project_repository import ProjectRepository

MOST_REFERENCES = 16


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the value asked for; what went wrong is one sentence and status 1."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if len(given) != 2 or given[0] not in ("--get", "-g"):
            raise InvalidInput("configcli: give --get and a key such as node.fqdn.")
        known = _known_here(given[1])
        print(_text(_of_file(given[1])) if known is None else known)
    except (KdError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _known_here(key: str) -> str | None:
    """Return a value that is known without the file; raises PathNotFound."""
    if key == "cluster.project_repo":
        return f"{ProjectRepository.default().root}/"
    return os.environ.get("KD_CLUSTER") if key == "cluster.name" else None


def _of_file(key: str) -> Any:
    if _is_a_job() and not any(path.exists() for path in GUEST_FILES):
        raise NotFound(
            f"configcli: {key} is not told to jobs and scoring scripts on this machine; "
            "cluster.project_repo is."
        )
    return find(json.loads(default_configmeta().read_bytes()), key)


def _is_a_job() -> bool:
    """Tell whether this runs for an engine, which does not pass its KD_CONFIGMETA on."""
    return "KD_PROJECT_REPO" in os.environ and "KD_CONFIGMETA" not in os.environ


def find(meta: Any, key: str) -> Any:
    """Return the value at a dotted key of a configmeta; raises NotFound, which lists the keys."""
    value = meta
    parts = [part for part in key.split(".") if part]
    for number, part in enumerate(parts):
        value = _followed(meta, value)
        if not isinstance(value, dict) or part not in value:
            where = ".".join(parts[:number]) or "the file"
            raise NotFound(f"configmeta.json has no {key!r}; {where} has: {_text(value)}.")
        value = value[part]
    return _followed(meta, value)


def _followed(meta: Any, value: Any) -> Any:
    """Return what a reference leads to; raises NotFound where it leads nowhere."""
    for _ in range(MOST_REFERENCES):
        if not isinstance(value, dict) or list(value) != ["bdvlibrefkey"]:
            return value
        target = meta
        for part in value["bdvlibrefkey"]:
            target = target.get(part) if isinstance(target, dict) else None
        value = target
    raise NotFound("configmeta.json has a reference that leads in a circle.")


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return ",".join(str(item) for item in value)
    return "" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main())
