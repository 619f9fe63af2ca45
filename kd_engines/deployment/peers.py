"""The other engines of the same kdcluster: a balancer sends a question to any one of them.

Predictions are remembered by the engine that made them. So that the ids of several engines never
meet, and each knows which are not its own, the node's number stands before the running number.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import requests

from kd_pipeline.connections import API_SERVICE, Connections

# Marks a question of a peer, which is not passed on again.
PEER_HEADER = "x-kd-peer"
WITHIN_S = (0.5, 2.0)
IDS_OF_A_NODE = 10**9


def first_id(connections: Connections) -> int:
    """Return what stands before this engine's ids: nothing where it is the only one."""
    node = connections.node_id
    alone = len(_urls(connections)) < 2 or not node.isdecimal()
    return 0 if alone else int(node) * IDS_OF_A_NODE


def is_peer(headers: Mapping[str, str]) -> bool:
    """Tell whether a question comes from an engine of this kdcluster."""
    return PEER_HEADER in headers


async def ask_peers(connections: Connections | None, path: str) -> list[Any]:
    """Return what the engines of this kdcluster answer to a GET; who does not answer is left out.

    This engine is among them, as it need not know which of the URLs is its own.
    """
    if connections is None:
        return []
    urls = _urls(connections)
    if len(urls) < 2:
        return []
    token = min(connections.tokens, default="")
    asked = [asyncio.to_thread(_ask, url + path, token) for url in urls]
    return [answer for answer in await asyncio.gather(*asked) if answer is not None]


def _ask(url: str, token: str) -> Any:
    headers = {"X-Auth-Token": token, PEER_HEADER: "1"}
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(url, headers=headers, timeout=WITHIN_S, allow_redirects=False)
        return msgspec.json.decode(answer.content) if answer.status_code == 200 else None
    except (requests.RequestException, msgspec.MsgspecError):
        return None


def _urls(connections: Connections) -> list[str]:
    return sorted({e.url for e in connections.own.endpoints if e.service == API_SERVICE})
