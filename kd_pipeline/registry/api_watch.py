"""One watch of an API server: what happens to the objects of a kind, as it happens."""

import json
from collections.abc import Iterator
from typing import Any

from kubernetes.dynamic import Resource

Limits = tuple[int, tuple[float, float]]


def events(
    resource: Resource, namespace: str, selector: str | None, version: str, limits: Limits
) -> Iterator[dict[str, Any]]:
    """Yield each event after a resource version, until the watch ends by itself.

    ``limits`` are its length in seconds, and how long a connection and a silence may last. An
    event of type ERROR says that the version is too old (410). The library's own reading of
    watches waits for whole buffers, so the lines are read here.
    """
    seconds, timeout = limits
    stream = resource.get(
        namespace=namespace,
        label_selector=selector,
        resource_version=version,
        watch=True,
        timeout_seconds=seconds,
        serialize=False,
        _request_timeout=timeout,
    )
    try:
        for line in _lines(stream):
            yield json.loads(line)
    finally:
        stream.release_conn()
        stream.close()


def _lines(stream: Any) -> Iterator[bytes]:
    """Yield whole lines of a response as they arrive."""
    rest = b""
    for chunk in stream.stream(amt=None):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
