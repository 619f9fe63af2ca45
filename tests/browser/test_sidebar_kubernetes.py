"""The sidebar of a notebook in a Kubernetes cluster: its registry is a real API server."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running_lab import LabOf
from tests.browser.sidebar import Sidebar, screenshot
from tests.kubernetes_tenant import DEPLOYMENT, TRAINING, Tenant, running_tenant

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """Run a namespace with what ships."""
    yield from running_tenant(tmp_path_factory)


@pytest.fixture(scope="module")
def lab(tenant: Tenant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabOf]:
    """Run JupyterLab as in the notebook's pod."""
    folder = tmp_path_factory.mktemp("pod")
    environment = tenant.environment(folder)
    lab = LabOf(folder / "notebooks", **environment, KD_REGISTRY="kubernetes")
    yield lab
    lab.jupyter.stop()


def test_what_kubedirector_connected_is_there(lab: LabOf, page: Page) -> None:
    lab.visit(page)
    sidebar = Sidebar(page).open()
    expect(sidebar.row("Engines", TRAINING)).to_be_visible()
    expect(sidebar.row("Deployments", DEPLOYMENT)).to_be_visible()
    expect(sidebar.region.get_by_role("alert")).to_have_count(0)
    screenshot(page, "kubernetes")
