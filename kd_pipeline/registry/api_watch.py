"""Watches of an API server: they tell that the objects of a kind have changed, or might have."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kubernetes.dynamic import Resource
from kubernetes.dynamic.exceptions import DynamicApiError
from urllib3.exceptions import HTTPError

from kd_pipeline.errors import KdError

# A watch ends after WATCH_S by itself; one that says nothing for longer is a dead connection.
WATCH_S = 50
CONNECT_S, SILENCE_S = 5.0, 60.0
RETRY_S = 1.0


@dataclass(frozen=True)
class Watched:
    """The objects of a kind in a namespace, all or those of a label selector."""

    resource: Resource
    namespace: str
    selector: str | None


def watch(
    begin: Callable[[], tuple[Watched, str]], changed: threading.Event, stop: threading.Event
) -> None:
    """Set ``changed`` whenever an object has changed, until ``stop`` is set.

    ``begin`` lists what is watched, and returns it with the list's resource version; it is called
    again where a watch breaks, or where its version has become too old (410).
    """
    while not stop.is_set():
        try:
            watched, version = begin()
            changed.set()
            while version and not stop.is_set():
                version = until_it_ends(watched, version, changed, stop)
        except (KdError, DynamicApiError, HTTPError, OSError):
            stop.wait(RETRY_S)


def until_it_ends(
    watched: Watched, version: str, changed: threading.Event, stop: threading.Event
) -> str:
    """Watch from a resource version on; return the one reached, "" where it is too old."""
    for event in _events(watched, version):
        if event["type"] == "ERROR" or stop.is_set():
            return ""
        version = event["object"]["metadata"]["resourceVersion"]
        changed.set()
    return version


def _events(watched: Watched, version: str) -> Iterator[dict[str, Any]]:
    """Yield each event after a resource version, until the watch ends by itself.

    An event of type ERROR says that the version is too old (410). The library's own reading of
    watches waits for whole buffers, so the lines are read here.
    """
    stream = watched.resource.get(
        namespace=watched.namespace,
        label_selector=watched.selector,
        resource_version=version,
        watch=True,
        timeout_seconds=WATCH_S,
        serialize=False,
        _request_timeout=(CONNECT_S, SILENCE_S),
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
