"""Models in the sidebar: registered by clicks, seen at once, changed, compared, deleted."""

import re
import time
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, expect

from tests.browser.register_form import RegisterForm
from tests.browser.running_lab import Lab
from tests.browser.sidebar import DARK, LIGHT, Sidebar, screenshot, violations
from tests.browser.trained_model import trained
from tests.kd_engines.local.running_home import TRAINING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SOON_MS = 2_000


def registered(lab: Lab, name: str, version: str) -> dict[str, Any]:
    """Return a version's ConfigMap as it is in the registry; {} where it is not there."""
    for path in lab.home.manifests.rglob("*.yaml"):
        for manifest in yaml.safe_load_all(path.read_text()):
            data = (manifest or {}).get("data") or {}
            if (data.get("name"), data.get("model-version")) == (name, version):
                return dict(manifest)
    return {}


def test_what_a_job_wrote_is_registered_by_three_clicks(lab: Lab, page: Page) -> None:
    number = trained(lab, "clicked")
    lab.write("beside.ipynb", ["%load_ext kd_magics", "%models"])
    notebook = lab.open(page, "beside.ipynb")
    sidebar = Sidebar(page).open().only("Jobs", "Models")
    row = sidebar.row("Jobs", "train-clicked")
    row.hover()
    row.get_by_role("button", name=f"Register a model of job {TRAINING}/{number}…").click()
    form = RegisterForm(page)
    expect(form.field("Name")).to_have_value("clicked")
    expect(form.field("Version")).to_have_value("1")
    expect(form.field("Model file or folder")).to_have_value("models/clicked/1")
    expect(form.field("Scoring script")).to_have_value("code/clicked.py")
    expect(form.field("Metrics (JSON)")).to_have_value('{"rmse": 5.25}')
    expect(form.preview).to_contain_text("name: clicked-1")
    expect(form.preview).to_contain_text("job-id: '1'" if number == 1 else f"'{number}'")
    assert violations(page.locator(".kd-RegisterTab")) == []
    screenshot(page, "register-light")
    form.register()
    expect(form.done).to_have_text(re.compile("clicked/1 is registered"))
    begin = time.monotonic()
    expect(sidebar.row("Models", "clicked/1")).to_be_visible(timeout=SOON_MS)
    manifest = registered(lab, "clicked", "1")
    assert time.monotonic() - begin < SOON_MS / 1000
    assert manifest["data"]["job-id"] == str(number)
    page.get_by_role("tab", name="beside.ipynb").click()
    notebook.run(0)
    expect(notebook.run(1)).to_contain_text("clicked")


def test_files_are_chosen_in_the_picker_and_looked_over_while_typing(lab: Lab, page: Page) -> None:
    trained(lab, "picked", "7")
    lab.visit(page)
    form = RegisterForm(page).open()
    expect(form.form.locator(".kd-Problem")).to_have_count(0)
    form.fill(Name="Picked!")
    expect(form.problem("'picked'")).to_be_visible()
    form.fill(Name="picked")
    expect(form.problem("'picked'")).to_have_count(0)
    expect(form.field("Version")).to_have_value("1")
    form.fill(Model="models/nowhere")
    expect(form.problem("models/nowhere")).to_be_visible()
    form.browse("Model file or folder", "models", "picked", "7")
    expect(form.field("Model file or folder")).to_have_value("models/picked/7")
    (lab.home.repository / "code" / "broken.py").write_text("def predict(:\n    pass\n")
    form.browse("Scoring script", "code", "broken.py")
    expect(form.problem("not valid Python (line 1")).to_be_visible()
    form.browse("Scoring script", "code", "picked.py")
    form.fill(Example="{broken")
    expect(form.problem("example is not valid JSON")).to_be_visible()
    form.register()
    expect(form.done).to_have_count(0)
    assert registered(lab, "picked", "1") == {}
    form.fill(Example='{"miles": 2}', Description="by hand")
    expect(form.form.locator(".kd-Problem")).to_have_count(0)
    form.register()
    expect(form.done).to_be_visible()
    assert registered(lab, "picked", "1")["data"]["description"] == "by hand"


def test_who_is_too_late_for_a_version_is_told_in_the_form(lab: Lab, page: Page) -> None:
    trained(lab, "raced")
    lab.visit(page)
    form = RegisterForm(page).open()
    form.fill(Name="raced")
    form.browse("Model file or folder", "models", "raced", "1")
    form.browse("Scoring script", "code", "raced.py")
    expect(form.field("Version")).to_have_value("1")
    expect(form.form.locator(".kd-Problem")).to_have_count(0)
    words = ["raced", "--version", "1", "--path", "models/raced", "--scoring", "code/raced.py"]
    assert lab.home.kd("register", *words, "--description", "the other").returncode == 0
    form.fill(Description="mine")
    form.register()
    expect(form.problem("raced/1")).to_be_visible()
    assert registered(lab, "raced", "1")["data"]["description"] == "the other"
    form.fill(Version="2")
    form.register()
    expect(form.done).to_have_text(re.compile("raced/2 is registered"))


def test_what_another_hand_changes_is_seen_and_shown_with_its_lineage(lab: Lab, page: Page) -> None:
    number = trained(lab, "changed")
    lab.visit(page)
    sidebar = Sidebar(page).open().only("Models")
    assert lab.home.kd("register", "changed", "--job", str(number)).returncode == 0
    row = sidebar.row("Models", "changed/1")
    expect(row).to_be_visible(timeout=SOON_MS)
    assert lab.home.kd("describe", "changed/1", "seen at once").returncode == 0
    expect(row).to_contain_text("seen at once", timeout=SOON_MS)
    assert lab.home.kd("alias", "changed/1", "champion").returncode == 0
    expect(row).to_contain_text("champion", timeout=SOON_MS)
    row.get_by_role("button", name="changed/1", exact=True).click()
    tab = page.locator(".kd-ModelTab")
    expect(tab).to_contain_text("seen at once")
    expect(tab.get_by_role("row", name=f"Job {TRAINING}/{number}")).to_be_visible()
    expect(tab.get_by_role("row", name="rmse 5.25")).to_be_visible()
    tab.get_by_text("ConfigMap changed-1").click()
    expect(tab.get_by_label("YAML")).to_contain_text("kind: ConfigMap")
    assert violations(tab) == []
    screenshot(page, "model-light")
    tab.get_by_role("button", name=f"{TRAINING}/{number}").click()
    expect(page.locator(".kd-JobTab")).to_contain_text("train-changed")


def test_a_version_is_described_named_compared_and_deleted(lab: Lab, page: Page) -> None:
    for version in ("1", "2"):
        number = trained(lab, "edited", version)
        assert lab.home.kd("register", "edited", "--job", str(number)).returncode == 0
    lab.visit(page)
    sidebar = Sidebar(page).open().only("Models")
    sidebar.section("Models").get_by_role("searchbox").fill("edited")
    expect(sidebar.rows("Models")).to_have_count(2)
    sidebar.row("Models", "edited/2").get_by_role("button", name="edited/2", exact=True).click()
    tab = page.locator(".kd-ModelTab")
    dialog = page.get_by_role("dialog")
    tab.get_by_role("button", name="Edit description…").click()
    dialog.get_by_role("textbox").fill("in new words")
    dialog.get_by_role("button", name="Ok").click()
    expect(tab).to_contain_text("in new words")
    tab.get_by_role("button", name="Set alias…").click()
    dialog.get_by_role("combobox").fill("champion")
    dialog.get_by_role("button", name="Ok").click()
    expect(tab.get_by_role("list", name="Aliases")).to_contain_text("champion")
    tab.get_by_label("Compare with version").select_option("1")
    expect(tab.get_by_role("row", name=re.compile("^path "))).to_contain_text("models/edited/1")
    assert violations(tab) == []
    screenshot(page, "model-compared")
    tab.get_by_role("button", name="Delete…").click()
    dialog.get_by_role("button", name="Delete the version").click()
    # It has an alias, and that is told.
    refused = page.locator(".jp-toastContainer, .Toastify").get_by_text("champion")
    expect(refused.first).to_be_visible()
    assert registered(lab, "edited", "2") != {}
    tab.get_by_role("button", name="Delete alias champion").click()
    dialog.get_by_role("button", name="Delete the alias").click()
    expect(tab.get_by_role("list", name="Aliases")).to_have_count(0)
    tab.get_by_role("button", name="Delete…").click()
    dialog.get_by_role("button", name="Delete the version").click()
    expect(tab).to_contain_text("edited/2 is not registered.")
    expect(sidebar.rows("Models")).to_have_count(1)
    assert registered(lab, "edited", "2") == {}


def test_what_is_deployed_says_where_and_is_not_deleted(whole_lab: Lab, page: Page) -> None:
    number = trained(whole_lab, "served")
    kd = whole_lab.home.kd
    assert kd("register", "served", "--job", str(number)).returncode == 0
    assert kd("deploy", "served/1").returncode == 0
    whole_lab.visit(page)
    sidebar = Sidebar(page).open().only("Models")
    row = sidebar.row("Models", "served/1")
    expect(row).to_contain_text("deployed on deployment-engine-instance (Ready)")
    row.get_by_role("button", name="served/1", exact=True).click()
    page.locator(".kd-ModelTab").get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It is deployed on deployment-engine-instance")
    dialog.get_by_role("button", name="Close").click()
    assert registered(whole_lab, "served", "1") != {}


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_axe_finds_nothing_wrong_with_form_picker_and_model(
    lab: Lab, page: Page, theme: str
) -> None:
    number = trained(lab, "themed")
    lab.home.kd("register", "themed", "--job", str(number))
    lab.set_theme(theme)
    lab.visit(page)
    form = RegisterForm(page).open()
    form.fill(Name="Not a name", Model="models/none")
    expect(form.problem("models/none")).to_be_visible()
    assert violations(page.locator(".kd-RegisterTab")) == []
    assert Sidebar(page).violations() == []
    screenshot(page, f"register-problems-{theme.split()[-1].lower()}")
    form.form.get_by_role("button", name="Browse for: Scoring script").click()
    picker = page.locator(".kd-FilePicker")
    expect(picker.get_by_role("list")).to_contain_text("themed.py")
    assert violations(picker) == []
    screenshot(page, f"picker-{theme.split()[-1].lower()}")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    Sidebar(page).row("Models", "themed/1").get_by_role(
        "button", name="themed/1", exact=True
    ).click()
    expect(page.locator(".kd-ModelTab")).to_contain_text("themed/1")
    assert violations(page.locator(".kd-ModelTab")) == []
    lab.set_theme(LIGHT)


def test_the_form_is_filled_in_and_sent_by_keyboard_alone(lab: Lab, page: Page) -> None:
    trained(lab, "typed")
    lab.visit(page)
    form = RegisterForm(page).open()
    form.field("Name").focus()
    for words in ("typed", "", "models/typed/1"):
        if words:
            page.keyboard.type(words)
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # past the picker's button
    page.keyboard.type("code/typed.py")
    expect(form.form.locator(".kd-Problem")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(form.done).to_have_text(re.compile("typed/1 is registered"))
