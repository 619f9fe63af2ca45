"""The sidebar's frame: how it opens, how keyboard and screen reader use it, what it tells."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running_lab import Lab
from tests.browser.sidebar import (
    DARK,
    LIGHT,
    NAME,
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


def test_while_it_is_closed_only_one_s_own_jobs_are_asked_for(whole_lab: Lab, page: Page) -> None:
    whole_lab.visit(page)
    sidebar = Sidebar(page).open()
    expect(sidebar.row("Engines", TRAINING)).to_be_visible()
    page.get_by_role("tab", name=NAME).click()
    expect(sidebar.region).to_be_hidden()
    page.wait_for_timeout(6_000)  # each is asked once more
    with asked(page) as closed:
        page.wait_for_timeout(21_000)
    assert len(closed) <= 3
    assert all(re.search(r"/jobs\?user=[^&]+&limit=20$", url) for url in closed)


def test_it_is_there_again_after_a_reload(sidebar: Sidebar, page: Page) -> None:
    expect(sidebar.row("Engines", TRAINING)).to_be_visible()
    # What the layout is restored from is written a moment after it has changed.
    page.wait_for_timeout(2_000)
    page.goto(re.sub(r"[?&]reset=?", "?", page.url))
    expect(sidebar.row("Engines", TRAINING)).to_be_visible(timeout=60_000)
