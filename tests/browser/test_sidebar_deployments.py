"""Deployments in the sidebar: models deployed and taken off by clicks, and how they are there."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.running_lab import Lab
from tests.browser.sidebar import DARK, LIGHT, Sidebar, screenshot
from tests.browser.trained_model import kd, register
from tests.kd_engines.deployment.formats import trained
from tests.kd_engines.local.running_home import DEPLOYMENT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LOADS_WITHIN_MS = 60_000
BROKEN = """
def load(path): raise ValueError('no such column: distance')
def predict(model, args): return 1
"""


def deployed(sidebar: Sidebar, model: str) -> Locator:
    """Return what the section Deployments shows of a version."""
    return sidebar.section("Deployments").locator(f'[data-kd-model="{model}"]')


def deploy(sidebar: Sidebar, model: str) -> None:
    """Deploy a version from its row, where there is one deployment only."""
    sidebar.row("Models", model).get_by_role("button", name=f"Deploy {model}…").click()


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_model_is_deployed_and_taken_off_by_clicks(
    whole_lab: Lab, page: Page, theme: str
) -> None:
    name = f"clicked-{theme.split()[-1].lower()}"
    register(whole_lab, name)
    whole_lab.set_theme(theme)
    whole_lab.visit(page)
    sidebar = Sidebar(page).open().only("Models", "Deployments")
    deploy(sidebar, f"{name}/1")
    there = deployed(sidebar, f"{name}/1")
    expect(there).to_contain_text("Ready", timeout=LOADS_WITHIN_MS)
    expect(there).to_contain_text("since just now")
    expect(sidebar.row("Models", f"{name}/1")).to_contain_text(f"deployed on {DEPLOYMENT} (Ready)")
    screenshot(page, f"deployments-{theme.split()[-1].lower()}")
    assert sidebar.violations() == []
    there.get_by_role("button", name=f"Take {name}/1 off {DEPLOYMENT}…").click()
    page.get_by_role("dialog").get_by_role("button", name="Take it off").click()
    expect(there).to_have_count(0, timeout=LOADS_WITHIN_MS)
    expect(sidebar.row("Models", f"{name}/1")).to_contain_text("not deployed")


def test_a_broken_version_says_why_while_the_old_one_is_ready(
    whole_lab: Lab, sidebar: Sidebar
) -> None:
    register(whole_lab, "good")
    register(whole_lab, "bad", script=BROKEN)
    sidebar.only("Models", "Deployments")
    deploy(sidebar, "good/1")
    expect(deployed(sidebar, "good/1")).to_contain_text("Ready", timeout=LOADS_WITHIN_MS)
    deploy(sidebar, "bad/1")
    broken = deployed(sidebar, "bad/1")
    expect(broken).to_contain_text("Failed", timeout=LOADS_WITHIN_MS)
    expect(broken).to_contain_text("no such column: distance")
    expect(deployed(sidebar, "good/1")).to_contain_text("Ready")
    screenshot(sidebar.page, "deployments-broken")
    good = deployed(sidebar, "good/1")
    good.get_by_role("button", name=f"Try good/1 on {DEPLOYMENT}").click()
    tab = sidebar.page.locator(".kd-TryTab:visible")
    tab.get_by_role("button", name="Predict").click()
    expect(tab.get_by_role("region", name="Answer of good/1")).to_contain_text("answered in")
    assert sidebar.violations() == []


def test_how_a_model_without_a_script_is_served_is_told(whole_lab: Lab, sidebar: Sidebar) -> None:
    trained.booster().save_model(whole_lab.home.repository / "models" / "trees.ubj")
    kd(whole_lab, "register", "trees", "--path", "models/trees.ubj", "--scoring", "")
    sidebar.only("Models", "Deployments")
    deploy(sidebar, "trees/1")
    there = deployed(sidebar, "trees/1")
    expect(there).to_contain_text("Ready", timeout=LOADS_WITHIN_MS)
    expect(there).to_contain_text("compiled to ONNX, within")
    screenshot(sidebar.page, "deployments-compiled")
    assert sidebar.violations() == []
    kd(whole_lab, "undeploy", "trees/1")


def test_a_new_deployment_is_set_up_with_a_model_and_grows(
    whole_lab: Lab, sidebar: Sidebar
) -> None:
    page = sidebar.page
    register(whole_lab, "moved")
    sidebar.only("Models", "Deployments")
    expect(sidebar.row("Models", "moved/1")).to_be_visible()
    sidebar.header("Deployments").get_by_role("button", name="New deployment…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Not a name")
    expect(dialog.get_by_role("button", name="Create")).to_be_disabled()
    dialog.get_by_label("Name").fill("second-deployment")
    dialog.get_by_label("Model").select_option("moved/1")
    dialog.get_by_role("button", name="Create").click()
    row = sidebar.row("Deployments", "second-deployment").first
    expect(row).to_contain_text("1 of 1 engine", timeout=LOADS_WITHIN_MS)
    expect(row).to_contain_text("moved/1")
    expect(row).to_contain_text("Ready", timeout=LOADS_WITHIN_MS)
    row.get_by_role("button", name="1 of 1 engine").click()
    dialog.get_by_role("spinbutton").fill("2")
    dialog.get_by_role("button", name="Ok").click()
    expect(row).to_contain_text("2 of 2 engines", timeout=LOADS_WITHIN_MS)
