"""Everything that the sidebar does can be reached elsewhere: palette, menus, toolbar, settings."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running_lab import Lab
from tests.browser.sidebar import LIGHT, Sidebar, run_command, screenshot
from tests.browser.trained_model import register, serve
from tests.jupyter_extension.test_command_ids import IDS
from tests.kd_engines.local.running_home import DEPLOYMENT, TRAINING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
WAITS_MS = 60_000
CATEGORY = "Training and Deployment"
MAGIC = "%%trainingengineinstance"


def press_enter(page: Page, title: str) -> None:
    """Take what a dialog offers."""
    dialog = page.get_by_role("dialog").filter(has=page.get_by_text(title, exact=True))
    expect(dialog).to_be_visible()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()


def test_every_command_is_in_the_palette(sidebar: Sidebar) -> None:
    page = sidebar.page
    page.keyboard.press("Control+Shift+C")
    palette = page.locator("#modal-command-palette")
    palette.get_by_placeholder("Search").fill(CATEGORY)
    items = palette.locator(".lm-CommandPalette-item[data-command^='kd-magics:']")
    expect(items).to_have_count(len(IDS))
    assert sorted(one.get_attribute("data-command") or "" for one in items.all()) == sorted(IDS)
    screenshot(page, "palette")


def test_a_model_is_tried_and_gets_an_alias_by_keyboard_alone(
    whole_lab: Lab, sidebar: Sidebar
) -> None:
    page = sidebar.page
    register(whole_lab, "keys", script="def predict(model, args): return 7")
    serve(whole_lab, "keys/1")
    run_command(page, "Set Alias of Model…")
    press_enter(page, "Set an alias")  # the only model
    page.get_by_role("dialog").get_by_label("A name that clients ask for").fill("champion")
    press_enter(page, "Set an alias of keys/1")
    expect(page.get_by_text("keys/champion is version 1 now.")).to_be_visible()
    run_command(page, "Try Model…")
    press_enter(page, "Try a model")
    tab = page.locator(".kd-TryTab:visible")
    expect(tab.get_by_role("heading", name=f"Try keys/1 on {DEPLOYMENT}")).to_be_visible()
    tab.get_by_label("Arguments (JSON)").focus()
    page.keyboard.press("Control+Enter")
    expect(tab.get_by_role("region", name="Answer of keys/1")).to_contain_text("7")
    run_command(page, "Delete Alias of Model…")
    press_enter(page, "Delete an alias")
    page.get_by_role("dialog").get_by_role("button", name="Delete the alias").press("Enter")
    expect(page.get_by_text("keys/champion is deleted.")).to_be_visible()


def test_a_button_in_the_toolbar_runs_the_cell_on_an_engine(whole_lab: Lab, page: Page) -> None:
    whole_lab.set_theme(LIGHT)
    whole_lab.write("plain.ipynb", ["print('ran on', 6 * 7)", "%%time\n1"])
    notebook = whole_lab.open(page, "plain.ipynb")
    notebook.cells.first.locator(".cm-content").click()
    page.get_by_role("button", name="Run cell on…").click()
    shown = notebook.output(0)
    expect(shown).to_contain_text("Finished", timeout=WAITS_MS)
    expect(shown.locator(".kd-LiveCell")).to_contain_text("ran on 42")
    expect(notebook.cells.first.locator(".cm-content")).to_contain_text(MAGIC)
    screenshot(page, "run-cell-on")
    # Once more, from the menu: the first line stays one.
    notebook.cells.first.locator(".cm-content").click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menu").get_by_text("Run Cell on…", exact=True).click()
    expect(shown.locator(".kd-LiveCell")).to_contain_text("Finished", timeout=WAITS_MS)
    text = notebook.cells.first.locator(".cm-content").inner_text()
    assert text.count(MAGIC) == 1
    notebook.cells.nth(1).locator(".cm-content").click()
    notebook.cells.nth(1).locator(".cm-content").click(button="right")
    page.get_by_role("menu").get_by_text("Run Cell on…", exact=True).click()
    expect(page.get_by_text("The cell begins with %%time")).to_be_visible()


def test_settings_say_what_cells_show(whole_lab: Lab, page: Page) -> None:
    whole_lab.set_theme(LIGHT)
    whole_lab.visit(page)
    run_command(page, "Settings Editor")
    editor = page.locator(".jp-SettingsPanel, .jp-PluginList").first
    expect(editor).to_be_visible(timeout=WAITS_MS)
    for title in ("Jobs in cells", "Training jobs"):
        expect(page.get_by_role("tab", name=title)).to_be_visible()
    page.get_by_role("tab", name="Jobs in cells").click()
    expect(page.get_by_text("Show jobs as they are now")).to_be_visible()
    screenshot(page, "settings")
    whole_lab.set("kd-magics", "live-cells", live=False)
    whole_lab.write("saved.ipynb", ["%load_ext kd_magics", f"{MAGIC}\nprint(1)"])
    notebook = whole_lab.open(page, "saved.ipynb")
    notebook.run(0)
    shown = notebook.run(1)
    expect(shown).to_contain_text(re.compile(f"Finished.*{TRAINING}", re.DOTALL), timeout=WAITS_MS)
    expect(shown.locator(".kd-LiveCell")).to_have_count(0)
    whole_lab.set("kd-magics", "live-cells")
