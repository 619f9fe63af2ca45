"""kdclusters and kdapps: read, connected, disconnected, and otherwise left as they were."""

from typing import Any

import pytest

from kd_pipeline.clusters import App, Cluster
from kd_pipeline.errors import InvalidManifest


def manifest(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "kubedirector.hpe.com/v1beta1",
        "kind": "KubeDirectorCluster",
        "metadata": {"name": "nb", "annotations": {"kept": "yes"}},
        "spec": {"app": "jupyter-notebook", "roles": [{"id": "controller"}], **spec},
    }


def test_connect_and_disconnect_edit_a_copy_and_keep_the_rest() -> None:
    cluster = Cluster(manifest(namingScheme="UID"))
    connected = cluster.connect("clusters", "training").connect("configmaps", "taxi-1")
    assert cluster.connections("clusters") == []
    assert connected.connections("clusters") == ["training"]
    assert connected.connect("clusters", "training") is connected
    assert connected.manifest["spec"]["namingScheme"] == "UID"
    assert connected.manifest["metadata"]["annotations"] == {"kept": "yes"}
    back = connected.disconnect("clusters", "training").disconnect("configmaps", "taxi-1")
    assert back.manifest["spec"]["connections"] == {}


def test_members_of_a_role_change_in_a_copy() -> None:
    cluster = Cluster(manifest(roles=[{"id": "LoadBalancer"}, {"id": "RESTServer", "env": []}]))
    more = cluster.with_members("RESTServer", 3)
    assert [(role.id, role.members) for role in more.roles] == [
        ("LoadBalancer", 1),
        ("RESTServer", 3),
    ]
    assert [role.members for role in cluster.roles] == [1, 1]
    with pytest.raises(InvalidManifest, match="has no role 'controller'; it has: LoadBalancer"):
        cluster.with_members("controller", 2)


def test_roles_have_members_and_environment() -> None:
    roles = [{"id": "RESTServer", "members": 2, "env": [{"name": "A", "value": "1"}]}]
    (role,) = Cluster(manifest(roles=roles)).roles
    assert (role.id, role.members, role.env) == ("RESTServer", 2, {"A": "1"})


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"kind": "ConfigMap"}, "Not a KubeDirectorCluster"),
        ({**manifest(), "metadata": {}}, "metadata.name is None"),
        (manifest(app=""), "no spec.app"),
        (manifest(roles=[{"id": "x", "members": -1}]), "members=-1"),
    ],
)
def test_what_is_missing_is_named(broken: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidManifest, match=sentence):
        Cluster(broken)


def test_only_known_kinds_can_be_connected() -> None:
    with pytest.raises(InvalidManifest, match="'pods' cannot be connected"):
        Cluster(manifest()).connect("pods", "x")


def test_an_app_tells_the_services_of_a_role() -> None:
    app = App(
        {
            "kind": "KubeDirectorApp",
            "metadata": {"name": "training-engine"},
            "spec": {
                "distroID": "hpecp/training-engine",
                "version": "1.0",
                "services": [
                    {
                        "id": "gunicorn",
                        "label": {"name": "API Server"},
                        "endpoint": {"port": 10001, "urlScheme": "http", "hasAuthToken": True},
                    },
                    {"id": "none"},
                ],
                "roles": [{"id": "RESTServer"}],
                "config": {
                    "configMeta": {"ml_engine": "python"},
                    "roleServices": [{"roleID": "RESTServer", "serviceIDs": ["gunicorn", "none"]}],
                },
            },
        }
    )
    api, none = app.role_services("RESTServer")
    assert (api.name, api.port, api.url_scheme, api.has_auth_token) == (
        "API Server",
        10001,
        "http",
        True,
    )
    assert none.port is None
    assert app.role_services("LoadBalancer") == ()
    assert app.config_metadata == {"ml_engine": "python"}
