"""``configcli --get node.fqdn``: one value of configmeta.json, for scripts in a container.

KubeDirector would install its own configcli, which needs root, wherever a container has none. Of
that tool scripts use ``--get`` alone (``ccli``, ``bdvcli`` and ``bd_vcli`` are its other names):
it prints a value, or the keys of an object, joined by commas, and follows ``bdvlibrefkey``.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

from kd_pipeline.connections_file import default_configmeta
from kd_pipeline.errors import InvalidInput, KdError, NotFound

MOST_REFERENCES = 16


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the value asked for; what went wrong is one sentence and status 1."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if len(given) != 2 or given[0] not in ("--get", "-g"):
            raise InvalidInput("configcli: give --get and a key such as node.fqdn.")
        path = default_configmeta()
        print(_text(find(json.loads(path.read_bytes()), given[1])))
    except (KdError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


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
