"""configmeta.json as KubeDirector really writes it, with every trap it is known for."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_pipeline.connections import Endpoint, parse_connections
from kd_pipeline.errors import InvalidConfigmeta, UnknownCluster
from tests.configmeta import configmeta

TRAIN = {"training-engine-instance": [("http://engine:10001", "t1")]}


def base64d(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_notebook_learns_its_training_cluster() -> None:
    connections = parse_connections(configmeta(clusters=TRAIN, tokens=["own"]))
    (cluster,) = connections.training_clusters()
    assert cluster.name == "training-engine-instance"
    assert cluster.ml_engine == "python"
    assert cluster.api_endpoints() == (
        Endpoint("http://engine:10001", "t1", "gunicorn", "RESTServer"),
    )
    assert connections.tokens == {"own"}
    assert connections.cluster_name == "jupyter-notebook"


def test_the_balancer_comes_first_and_statistics_and_ssh_never() -> None:
    meta = configmeta(clusters=TRAIN)
    group = meta["connections"]["clusters"]["training-engine-instance"]["nodegroups"]["1"]
    group["roles"]["LoadBalancer"] = {
        "services": {
            "haproxy-train": {"endpoints": ["http://lb:32700/train"], "authToken": "t2"},
            "haproxy-stats": {"endpoints": ["http://lb:8081"], "authToken": ""},
            "ssh": {"endpoints": ["://lb:22"], "authToken": "t2"},
        }
    }
    endpoints = parse_connections(meta).cluster("training-engine-instance").api_endpoints()
    assert [e.url for e in endpoints] == ["http://lb:32700", "http://engine:10001"]
    assert [e.token for e in endpoints] == ["t2", "t1"]


def test_a_repeated_endpoint_counts_once() -> None:
    meta = configmeta(clusters=TRAIN)
    group = meta["connections"]["clusters"]["training-engine-instance"]["nodegroups"]["1"]
    service = group["roles"]["RESTServer"]["services"]["gunicorn"]
    service["endpoints"] = ["http://a:1", "http://a:1", "://a:1", "http://b:1"]
    cluster = parse_connections(meta).cluster("training-engine-instance")
    assert [e.url for e in cluster.api_endpoints()] == ["http://a:1", "http://b:1"]


def test_nulls_and_missing_keys_are_nothing() -> None:
    meta: dict[str, Any] = {
        "cluster": {"name": "x"},
        "node": None,
        "nodegroups": None,
        "connections": {
            "clusters": {"unknown-app": {"nodegroups": {"1": {"roles": None}}}, "empty": None},
            "configmaps": None,
            "secrets": {"kubeconfig": None},
        },
    }
    connections = parse_connections(meta)
    assert [c.name for c in connections.clusters] == ["unknown-app", "empty"]
    assert connections.training_clusters() == ()
    assert connections.models() == ()
    assert connections.tokens == frozenset()


def test_every_members_token_is_accepted() -> None:
    meta = configmeta(tokens=["a", "b"])
    meta["nodegroups"]["1"]["roles"]["LoadBalancer"] = {
        "services": {"haproxy": {"endpoints": None, "authToken": "c"}}
    }
    assert parse_connections(meta).tokens == {"a", "b", "c"}


def test_secrets_are_decoded_names_and_labels_too() -> None:
    entry = {
        "metadata": {"name": base64d("hpecp-kubeconfig")},
        "data": {"config": base64d("apiVersion: v1")},
        "labels": {"kubedirector.hpe.com/secretType": base64d("kubeconfig")},
    }
    (secret,) = parse_connections(configmeta(secrets={"kubeconfig": [entry]})).secrets
    assert secret.name == "hpecp-kubeconfig"
    assert secret.data == {"config": b"apiVersion: v1"}
    assert secret.labels == {"kubedirector.hpe.com/secretType": "kubeconfig"}


def test_deployment_and_training_engines_are_told_apart() -> None:
    clusters = {**TRAIN, "deployment-engine-instance": [("http://d:10001", "t")]}
    connections = parse_connections(configmeta(clusters=clusters))
    assert [c.name for c in connections.training_clusters()] == ["training-engine-instance"]
    assert [c.name for c in connections.deployment_clusters()] == ["deployment-engine-instance"]


def test_an_unknown_cluster_is_named_with_those_that_exist() -> None:
    with pytest.raises(UnknownCluster, match=r"'nope'.*training-engine-instance"):
        parse_connections(configmeta(clusters=TRAIN)).cluster("nope")


def test_no_token_shows_in_any_repr() -> None:
    meta = configmeta(tokens=["owntoken"], clusters={"t": [("http://a", "peertoken")]})
    assert "owntoken" not in repr(parse_connections(meta))
    assert "peertoken" not in repr(parse_connections(meta))


def test_every_torn_write_is_refused() -> None:
    whole = json.dumps(configmeta(clusters=TRAIN, tokens=["own"])).encode()
    for length in range(len(whole)):
        with pytest.raises(InvalidConfigmeta):
            parse_connections(whole[:length])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(nodegroups=JSON, clusters=JSON, configmaps=JSON, node=JSON)
def test_no_json_makes_it_fail_in_another_way(
    nodegroups: Any, clusters: Any, configmaps: Any, node: Any
) -> None:
    parse_connections(
        {
            "cluster": {"name": "x"},
            "nodegroups": nodegroups,
            "node": node,
            "connections": {"clusters": clusters, "configmaps": configmaps},
        }
    )
