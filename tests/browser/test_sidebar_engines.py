"""Engines in the sidebar: what they tell, how they come and go, and the cells that they run."""

import os
import re
import signal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running_lab import Lab
from tests.browser.sidebar import Sidebar, screenshot, violations
from tests.kd_engines.local.running_home import DEPLOYMENT, NOTEBOOK, TRAINING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_an_engine_that_stopped_is_told_and_comes_back_by_itself(
    sidebar: Sidebar, whole_lab: Lab
) -> None:
    pid = whole_lab.home.member(TRAINING)["pid"]
    row = sidebar.row("Engines", TRAINING)
    silent = re.compile(r"does not answer", re.I)
    expect(row).to_be_visible()
    os.kill(pid, signal.SIGSTOP)
    try:
        expect(row).to_contain_text(silent, timeout=30_000)
        expect(sidebar.section("Jobs")).to_contain_text(silent, timeout=30_000)
        # The others are not held up by it.
        expect(sidebar.row("Deployments", DEPLOYMENT)).to_be_visible()
        screenshot(sidebar.page, "sidebar-engine-stopped")
        assert sidebar.violations() == []
    finally:
        os.kill(pid, signal.SIGCONT)
    expect(row).not_to_contain_text(silent, timeout=60_000)
    expect(sidebar.section("Jobs")).not_to_contain_text(silent, timeout=60_000)


def test_the_name_of_a_cluster_is_copied(sidebar: Sidebar) -> None:
    page = sidebar.page
    for section, cluster in (("Engines", TRAINING), ("Engines", DEPLOYMENT)):
        row = sidebar.row(section, cluster)
        row.get_by_role("button", name=f"Copy the name {cluster}").click()
        expect(page.get_by_text(f"{cluster} is copied.")).to_be_visible()
        sidebar.only("Jobs")
        field = sidebar.section("Jobs").get_by_role("searchbox")
        field.press("Control+v")
        expect(field).to_have_value(cluster)
        field.fill("")
        sidebar.only("Engines")


def test_a_cluster_that_is_connected_appears_and_goes_without_a_reload(
    whole_lab: Lab, sidebar: Sidebar
) -> None:
    home = whole_lab.home
    expect(sidebar.row("Engines", TRAINING)).to_be_visible()
    home.copy(TRAINING, "second-engine")
    home.edit(NOTEBOOK, lambda spec: spec["connections"]["clusters"].append("second-engine"))
    row = sidebar.row("Engines", "second-engine")
    expect(row).to_contain_text("Answers", timeout=60_000)
    home.edit(NOTEBOOK, lambda spec: spec["connections"]["clusters"].remove("second-engine"))
    expect(row).to_have_count(0, timeout=60_000)
    (home.manifests / "kdcluster-second-engine.yaml").unlink()


def test_a_cell_for_a_cluster_is_inserted_and_its_details_are_shown(
    whole_lab: Lab, page: Page
) -> None:
    whole_lab.write("insert.ipynb", ["1 + 1"])
    notebook = whole_lab.open(page, "insert.ipynb")
    row = Sidebar(page).open().row("Engines", TRAINING)
    row.get_by_role("button", name="Insert a cell").click()
    expect(notebook.cells).to_have_count(2)
    cell = notebook.cells.nth(1)
    expect(cell.get_by_role("textbox")).to_be_focused()
    page.keyboard.type("6 * 7")
    expect(cell).to_contain_text(re.compile(rf"%%{TRAINING.replace('-', '')}\s*6 \* 7"))
    row.get_by_role("button", name="Details").click()
    dialog = page.get_by_role("dialog")
    mounts = dialog.get_by_role("list", name="File systems")
    expect(mounts).to_contain_text(f"{whole_lab.home.repository} project repository")
    dialog.get_by_role("searchbox").fill("xgboost")
    expect(dialog.get_by_role("status")).to_contain_text("1 of ")
    screenshot(page, "engine-details")
    assert violations(dialog) == []
