"""A deployed model is tried in the browser: form, answer, failure, two versions, other ways."""

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.running_lab import Lab
from tests.browser.sidebar import DARK, LIGHT, Sidebar, screenshot, violations
from tests.browser.trained_model import kd, register, serve
from tests.kd_engines.local.running_home import DEPLOYMENT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
EXAMPLE = {"miles": 2.5, "hour": 7, "zone": "12 & <b>", "airport": False, "stops": [1, 2]}
SCRIPT = """
def load(path):
    return int(open(path).read())
def predict(model, args):
    print("asked with", sorted(args))
    if args.get("zone") == "nowhere":
        raise KeyError("no zone is called nowhere")
    kinds = [type(value).__name__ for value in args.values()]
    return {"seconds": model * 100 * args["miles"], "kinds": kinds}
"""

# What one's own function returns: numpy, NaN, a table, times.
OWN = """
import datetime, numpy as np, pandas as pd
def predict(model, args):
    when = pd.Timestamp("2009-01-20 08:30", tz="America/New_York")
    rides = pd.DataFrame({"zone": ["Queens", None], "minutes": np.float32([12.5, np.nan]),
                          "when": [when, pd.NaT]}, index=["a", "b"])
    answers = {"table": rides, "array": np.arange(3), "one": np.float64("nan"),
               "time": datetime.datetime(2009, 1, 20, 8, 30)}
    return answers[args["what"]] if "what" in args else answers
"""
TABLE = [
    {"zone": "Queens", "minutes": 12.5, "when": "2009-01-20T08:30:00-05:00"},
    {"zone": None, "minutes": None, "when": None},
]


@pytest.fixture(scope="module", autouse=True)
def served(whole_lab: Lab) -> None:
    """Serve two versions of a model with an example, and one without."""
    for version in ("1", "2"):
        register(whole_lab, "ride", version, SCRIPT, example=json.dumps(EXAMPLE))
    register(whole_lab, "bare", script="def predict(model, args): return [args]")
    register(whole_lab, "own", script=OWN, example='{"what": "table"}')
    serve(whole_lab, "ride/1", "ride/2", "bare/1", "own/1")


def tried(sidebar: Sidebar, model: str) -> Locator:
    """Try a version by its button in the section Deployments; return its tab."""
    row = sidebar.only("Deployments").section("Deployments").locator(f'[data-kd-model="{model}"]')
    row.get_by_role("button", name=f"Try {model} on {DEPLOYMENT}").click()
    tab = sidebar.page.locator(".kd-TryTab:visible")
    expect(tab.get_by_role("heading", name=f"Try {model} on {DEPLOYMENT}")).to_be_visible()
    return tab


def answer(tab: Locator, model: str) -> Locator:
    """Return what a tab shows of a version's answer."""
    return tab.get_by_role("region", name=f"Answer of {model}")


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_form_asks_two_versions_side_by_side(whole_lab: Lab, page: Page, theme: str) -> None:
    whole_lab.set_theme(theme)
    whole_lab.visit(page)
    tab = tried(Sidebar(page).open(), "ride/2")
    expect(tab.get_by_label("zone")).to_have_value("12 & <b>")
    expect(tab.get_by_label("airport")).to_have_value("false")
    miles = tab.get_by_label("miles")
    miles.fill("far")
    expect(tab.get_by_text("This must be a number.")).to_be_visible()
    expect(tab.get_by_role("button", name="Predict")).to_be_disabled()
    miles.fill("4.5")
    tab.get_by_label("Compare with").select_option(f"ride/1 ({DEPLOYMENT})")
    tab.get_by_role("button", name="Predict").click()
    for version, seconds in (("1", "450"), ("2", "900")):
        there = answer(tab, f"ride/{version}")
        expect(there).to_contain_text(f'"seconds": {seconds}')
        expect(there).to_contain_text("answered in")
        expect(there).to_contain_text(f"version {version}, request")
    expect(answer(tab, "ride/1")).to_contain_text('"bool"')
    screenshot(page, f"try-{theme.split()[-1].lower()}")
    assert violations(tab) == []


def test_a_script_that_fails_says_why_and_what_it_printed(sidebar: Sidebar) -> None:
    tab = tried(sidebar, "ride/1")
    tab.get_by_label("zone").fill("nowhere")
    tab.get_by_label("zone").press("Enter")
    there = answer(tab, "ride/1")
    expect(there.get_by_role("alert")).to_contain_text("no zone is called nowhere")
    expect(there).to_contain_text("failed after")
    expect(there.get_by_label("Log of the scoring script")).to_contain_text("asked with")
    screenshot(sidebar.page, "try-failed")
    row = sidebar.section("Deployments").locator('[data-kd-model="ride/1"]')
    expect(row).to_contain_text(re.compile("requests/s, p50.*1 failed"), timeout=20_000)
    assert violations(tab) == []


def test_json_is_asked_where_there_is_no_form(whole_lab: Lab, sidebar: Sidebar) -> None:
    tab = tried(sidebar, "bare/1")
    expect(tab).to_contain_text("registered without an example")
    field = tab.get_by_label("Arguments (JSON)")
    field.fill("{")
    expect(tab.get_by_text("This is not a JSON value.")).to_be_visible()
    field.fill('{"<img src=x onerror=alert(1)>": 1}')
    field.press("Control+Enter")
    expect(answer(tab, "bare/1")).to_contain_text("<img src=x onerror=alert(1)>")
    field.fill("5")
    tab.get_by_role("button", name="Predict").click()
    expect(answer(tab, "bare/1").get_by_role("alert")).to_contain_text("A model takes an object")
    kd(whole_lab, "undeploy", "bare/1")
    field.fill("{}")
    tab.get_by_role("button", name="Predict").click()
    expect(answer(tab, "bare/1").get_by_role("alert")).to_contain_text("No model 'bare'")
    sidebar.page.reload()
    expect(tab.get_by_role("heading", name="Try bare/1")).to_be_visible(timeout=60_000)


def test_the_same_request_is_copied_and_runs_in_the_notebook(whole_lab: Lab, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    whole_lab.set_theme(LIGHT)
    whole_lab.write("ask.ipynb", ["%load_ext kd_magics"])
    notebook = whole_lab.open(page, "ask.ipynb")
    notebook.run(0)
    tab = tried(Sidebar(page).open(), "ride/1")
    tab.get_by_role("button", name="Edit as JSON").click()
    tab.get_by_label("Arguments (JSON)").fill('{"miles": 3}')
    tab.get_by_role("button", name="Edit in fields").click()
    expect(tab.get_by_label("miles")).to_have_value("3")
    expect(tab.get_by_label("zone")).to_have_value("")
    tab.get_by_role("button", name="Predict").click()
    expect(answer(tab, "ride/1")).to_contain_text('"seconds": 300')
    tab.get_by_text("Ask the same from elsewhere").click()
    tab.get_by_role("button", name="Copy curl").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "$TOKEN" in copied
    assert not any(token in copied for token in whole_lab.home.secrets())
    tab.get_by_role("button", name="Insert %predict into the notebook").click()
    expect(notebook.cells).to_have_count(2)
    expect(notebook.cells.nth(1)).to_contain_text("%predict ride/1")
    assert "300" in notebook.run(1).inner_text()


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_what_ones_own_function_returns_is_shown_as_json(
    whole_lab: Lab, page: Page, theme: str
) -> None:
    whole_lab.set_theme(theme)
    asks = [f'%predict own/1 {{"what": "{what}"}}' for what in ("table", "array", "one", "time")]
    name = f"own-{theme.split()[-1].lower()}"
    whole_lab.write(f"{name}.ipynb", ["%attachments", *asks])  # no %load_ext is needed
    notebook = whole_lab.open(page, f"{name}.ipynb")
    notebook.run(0)
    answers = ["'minutes': None", "[0, 1, 2]", "null: the model", "T08:30:00'"]
    for number, answered in enumerate(answers, 1):
        expect(notebook.run(number)).to_contain_text(answered)
    screenshot(page, name)
    tab = tried(Sidebar(page).open(), "own/1")
    tab.get_by_role("button", name="Predict").click()
    expect(answer(tab, "own/1")).to_contain_text("answered in")
    expect(answer(tab, "own/1")).to_contain_text("2009-01-20T08:30:00-05:00")
    screenshot(page, f"{name}-tried")
    assert violations(tab) == []
