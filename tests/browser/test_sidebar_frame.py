"""The sidebar's frame: how it opens, how keyboard and screen reader use it, what it tells."""

import os
import re
import signal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running_lab import Lab
from tests.browser.sidebar import (
    DARK,
    LIGHT,
    SECTIONS,
    Sidebar,
    asked,
    screenshot,
    set_hidden,
)
from tests.kd_engines.local.running_home import DEPLOYMENT, TRAINING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_it_opens_with_four_sections_and_shows_the_connected_clusters(sidebar: Sidebar) -> None:
    for name in SECTIONS:
        expect(sidebar.header(name)).to_be_visible()
        expect(sidebar.section(name)).to_be_visible()
    expect(sidebar.row("Engines", TRAINING)).to_be_visible()
    expect(sidebar.row("Deployments", DEPLOYMENT)).to_be_visible()
    expect(sidebar.region.get_by_role("alert")).to_have_count(0)


def test_the_keyboard_reaches_each_section_and_folds_it(sidebar: Sidebar) -> None:
    page = sidebar.page
    for name in SECTIONS:
        header = sidebar.header(name)
        for _ in range(60):
            if header.evaluate("one => one === document.activeElement"):
                break
            page.keyboard.press("Tab")
        expect(header).to_be_focused()
        page.keyboard.press("Enter")
        expect(header).to_have_attribute("aria-expanded", "false")
        expect(sidebar.section(name)).to_be_hidden()
        page.keyboard.press("Enter")
        expect(sidebar.section(name)).to_be_visible()
        expect(header).to_be_focused()


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_axe_finds_nothing_wrong(whole_lab: Lab, page: Page, theme: str) -> None:
    whole_lab.set_theme(theme)
    whole_lab.visit(page)
    sidebar = Sidebar(page).open()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    expect(sidebar.row("Engines", TRAINING)).to_be_visible()
    expect(sidebar.row("Deployments", DEPLOYMENT)).to_be_visible()
    assert sidebar.violations() == []
    screenshot(page, f"sidebar-{theme.split()[-1].lower()}")


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


def test_nothing_is_asked_while_the_page_is_hidden(sidebar: Sidebar) -> None:
    page = sidebar.page
    expect(sidebar.row("Engines", TRAINING)).to_be_visible()
    with asked(page) as seen:
        page.wait_for_timeout(7_000)
    assert len(seen) >= 2
    set_hidden(page, True)
    page.wait_for_timeout(11_000)  # each is asked once more, the rarest after 10 s
    with asked(page) as unseen:
        page.wait_for_timeout(8_000)
    assert unseen == []
    set_hidden(page, False)
    with asked(page) as again:
        page.wait_for_timeout(8_000)
    assert again
    assert {one.partition("/kd-magics/")[2] for one in again} >= {"engines"}


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


def test_it_is_there_again_after_a_reload(sidebar: Sidebar, page: Page) -> None:
    expect(sidebar.row("Engines", TRAINING)).to_be_visible()
    # What the layout is restored from is written a moment after it has changed.
    page.wait_for_timeout(2_000)
    page.goto(re.sub(r"[?&]reset=?", "?", page.url))
    expect(sidebar.row("Engines", TRAINING)).to_be_visible(timeout=60_000)
