"""The sidebar of a notebook in a Kubernetes cluster: its registry is a real API server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.register_form import RegisterForm
from tests.browser.running_lab import LabOf
from tests.browser.sidebar import Sidebar, screenshot, violations
from tests.kubernetes_tenant import READER, USER, Tenant, running_tenant
from tests.shipped import DEPLOYMENT, TRAINING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """Run a namespace with what ships."""
    yield from running_tenant(tmp_path_factory)


@pytest.fixture(scope="module")
def lab(tenant: Tenant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabOf]:
    """Run JupyterLab as in the notebook's pod, for a data scientist with the role that ships."""
    yield from _lab(tenant, tmp_path_factory.mktemp("pod"), USER)


@pytest.fixture
def readers_lab(tenant: Tenant, tmp_path: Path) -> Iterator[LabOf]:
    """Run it for somebody who may look and change nothing."""
    yield from _lab(tenant, tmp_path, READER)


@pytest.fixture
def expired_lab(tenant: Tenant, tmp_path: Path) -> Iterator[LabOf]:
    """Run it for somebody whose credentials have expired."""
    yield from _lab(tenant, tmp_path, "a-token-that-has-expired")


def _lab(tenant: Tenant, folder: Path, token: str) -> Iterator[LabOf]:
    environment = tenant.environment(folder, token)
    lab = LabOf(folder / "notebooks", **environment, KD_REGISTRY="kubernetes")
    yield lab
    lab.jupyter.stop()


def write(tenant: Tenant, name: str) -> None:
    """Write a model and its script into the shared folder."""
    for path, text in {
        f"models/{name}": "1",
        f"code/{name}.py": "def predict(model, args): return 1",
    }.items():
        (tenant.repository / path).parent.mkdir(exist_ok=True)
        (tenant.repository / path).write_text(text)


def test_what_kubedirector_connected_is_there(lab: LabOf, page: Page) -> None:
    lab.visit(page)
    sidebar = Sidebar(page).open()
    expect(sidebar.row("Engines", TRAINING)).to_be_visible()
    expect(sidebar.row("Deployments", DEPLOYMENT)).to_be_visible()
    expect(sidebar.region.get_by_role("alert")).to_have_count(0)
    assert lab.jupyter.get("about")["notices"] == []
    screenshot(page, "kubernetes")


def test_a_model_becomes_a_configmap_of_the_api_server(
    tenant: Tenant, lab: LabOf, page: Page
) -> None:
    write(tenant, "clicked")
    lab.visit(page)
    form = RegisterForm(page).open()
    form.fill(Name="clicked")
    form.browse("Model file or folder", "models", "clicked")
    form.browse("Scoring script", "code", "clicked.py")
    expect(form.field("Version")).to_have_value("1")
    form.register()
    expect(form.done).to_be_visible()
    (model,) = [one for one in tenant.registry.models() if one.name == "clicked"]
    assert (model.configmap_name, model.extra["author"]) == (
        "clicked-1",
        lab.jupyter.get("about")["user"],
    )
    sidebar = Sidebar(page).only("Models")
    expect(sidebar.row("Models", "clicked/1")).to_be_visible()
    tenant.registry.describe("clicked", "1", "by another hand")
    expect(sidebar.row("Models", "by another hand")).to_be_visible()
    screenshot(page, "kubernetes-registered")


def test_a_new_deployment_is_an_administrators_to_make(tenant: Tenant, lab: LabOf) -> None:
    """KubeDirector would run its pods under any service account of the namespace."""
    wanted = {"name": "canary", "app": "deployment-engine"}
    answer = lab.jupyter.ask("POST", "deployments", json=wanted)
    assert answer.status_code == 403
    assert "You may not make kdclusters in namespace" in answer.text
    assert "Ask its administrator to make 'canary'" in answer.text
    assert "canary" not in [cluster.name for cluster in tenant.registry.clusters()]


def test_who_may_only_look_is_told_what_to_ask_for(
    tenant: Tenant, readers_lab: LabOf, page: Page
) -> None:
    write(tenant, "looked-at")
    readers_lab.visit(page)
    sidebar = Sidebar(page).open()
    notice = sidebar.section("Models").get_by_role("status").filter(has_text="You may not")
    expect(notice).to_contain_text("create configmaps")
    expect(notice).to_contain_text("ask its administrator for a Role")
    form = RegisterForm(page).open()
    form.fill(Name="looked-at", Model="models/looked-at", Scoring="code/looked-at.py")
    expect(form.field("Version")).to_have_value("1")
    form.register()
    expect(form.form.get_by_role("alert")).to_contain_text(
        f"You may not create configmaps in namespace {tenant.registry.namespace}"
    )
    assert violations(page.locator(".kd-RegisterTab")) == []
    assert sidebar.violations() == []
    screenshot(page, "kubernetes-reader")


def test_who_has_expired_credentials_is_told_how_to_get_new_ones(
    expired_lab: LabOf, page: Page
) -> None:
    expired_lab.visit(page)
    sidebar = Sidebar(page).open()
    expect(sidebar.row("Engines", TRAINING)).to_be_visible()  # what needs no API server
    trouble = sidebar.section("Models").get_by_role("alert")
    expect(trouble).to_contain_text("Log in to the cluster again")
    screenshot(page, "kubernetes-expired")
    assert sidebar.violations() == []
