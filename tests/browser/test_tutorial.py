"""The taxi tutorial by clicks: only the training cell is typed, from trips to a ride's duration."""

from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from kd_pipeline.project_repository import ProjectRepository
from tests.browser.register_form import RegisterForm
from tests.browser.running_lab import STARTS_WITHIN_MS, Lab
from tests.browser.sidebar import LIGHT, Sidebar, screenshot
from tests.kd_engines.local.running_home import DEPLOYMENT, TRAINING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
TRAINS_WITHIN_MS = 200_000
LOADS_WITHIN_MS = 60_000


@pytest.fixture
def training_cells(whole_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put the trips into the project repository; return what the tutorial trains with."""
    monkeypatch.setenv("KD_TAXI_DOWNLOAD", "no")
    monkeypatch.syspath_prepend(str(NOTEBOOKS))
    monkeypatch.syspath_prepend(str(NOTEBOOKS / "code"))
    from taxi_source import lay_out, new_trips_arrive

    repository = ProjectRepository(whole_lab.home.repository)
    new_trips_arrive(lay_out(repository), repository)
    cells = nbformat.read(NOTEBOOKS / "nyc_taxi.ipynb", as_version=4).cells
    magic = "%%trainingengineinstance"
    return [c.source.partition("\n")[2] for c in cells if c.source.startswith(magic)]


def train(page: Page, sidebar: Sidebar, code: str, number: int) -> None:
    """Have a cell inserted, type the training, run it by a button, register what it wrote."""
    page.get_by_role("tab", name="Untitled.ipynb").click()
    row = sidebar.row("Engines", TRAINING)
    row.get_by_role("button", name=f"Insert a cell that runs on {TRAINING}").click()
    page.keyboard.insert_text(code)
    page.get_by_role("button", name="Run cell on…").click()
    job = sidebar.row("Jobs", f"{TRAINING}/{number}")
    expect(job).to_contain_text("Finished", timeout=TRAINS_WITHIN_MS)
    register = f"Register a model of job {TRAINING}/{number}…"
    job.hover()
    job.get_by_role("button", name=register).click()
    form = RegisterForm(page)
    expect(form.field("Version")).to_have_value(str(number))
    expect(form.field("Model file or folder")).to_have_value(f"models/taxi/{number}")
    if number == 1:  # the next version has the same script
        form.browse("Scoring script", "code", "score_taxi.py")
    expect(form.field("Scoring script")).to_have_value("code/score_taxi.py")
    form.register()
    expect(form.done).to_contain_text(f"taxi/{number} is registered")


def deploy(sidebar: Sidebar, model: str) -> None:
    """Deploy a version by the button of its row, and wait until it is ready."""
    row = sidebar.row("Models", model)
    row.hover()
    row.get_by_role("button", name=f"Deploy {model}…").click()
    there = sidebar.section("Deployments").locator(f'[data-kd-model="{model}"]')
    expect(there).to_contain_text("Ready", timeout=LOADS_WITHIN_MS)


def test_from_trips_to_how_long_a_ride_takes(
    whole_lab: Lab, page: Page, training_cells: list[str]
) -> None:
    whole_lab.set_theme(LIGHT)
    whole_lab.visit(page)
    page.get_by_role("button", name="Python 3 (ipykernel)").first.click()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=STARTS_WITHIN_MS)
    sidebar = Sidebar(page).open()
    for number, code in enumerate(training_cells, start=1):
        train(page, sidebar, code, number)
        deploy(sidebar, f"taxi/{number}")

    there = sidebar.section("Deployments").locator('[data-kd-model="taxi/2"]')
    there.hover()
    there.get_by_role("button", name=f"Try taxi/2 on {DEPLOYMENT}").click()
    tab = page.locator(".kd-TryTab:visible")
    expect(tab.get_by_label("trip_distance")).not_to_have_value("")
    tab.get_by_label("Compare with").select_option(f"taxi/1 ({DEPLOYMENT})")
    tab.get_by_role("button", name="Predict").click()
    for version in ("1", "2"):
        answer = tab.get_by_role("region", name=f"Answer of taxi/{version}")
        expect(answer).to_contain_text("answered in", timeout=LOADS_WITHIN_MS)
        seconds = float(answer.get_by_label("Result").inner_text())
        assert 60 < seconds < 3 * 3600
    screenshot(page, "tutorial")

    old = sidebar.section("Deployments").locator('[data-kd-model="taxi/1"]')
    old.hover()
    old.get_by_role("button", name=f"Take taxi/1 off {DEPLOYMENT}…").click()
    page.get_by_role("dialog").get_by_role("button", name="Take it off").click()
    expect(old).to_have_count(0, timeout=LOADS_WITHIN_MS)
    tab.get_by_role("button", name="Predict").click()
    expect(tab.get_by_role("region", name="Answer of taxi/2")).to_contain_text("answered in")
    gone = tab.get_by_role("region", name="Answer of taxi/1")
    expect(gone.get_by_role("alert")).to_be_visible()
