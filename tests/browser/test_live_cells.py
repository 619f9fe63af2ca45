"""Cells that stay alive: reopened elsewhere, without a kernel, they show their jobs as they are."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from kd_client.jobs.saved_reference import MIME, MIME_OF_MANY
from tests.browser.running_lab import STARTS_WITHIN_MS, Lab
from tests.browser.sidebar import DARK, LIGHT, screenshot, violations
from tests.kd_engines.local.running_home import TRAINING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LOAD = "%load_ext kd_magics"
WAITS_MS = 60_000
MANY = 50
# It goes on when the test says so, by a file in the project repository.
TRAIN = """%%trainingengineinstance --name first-try
import pathlib, time
from IPython.display import HTML, display
print("epoch 1/2 loss=0.500")
display(HTML("<b>the first picture</b>"))
while not pathlib.Path("go-on").exists():
    time.sleep(0.1)
print("epoch 2/2 loss=0.250")
display(HTML("<b>the last picture</b>"))
"""
GRID = """%%trainingengineinstance --grid lr=1,2 --no-preflight
for epoch in range(1, 4):
    print(f"epoch {epoch}/3 loss={lr / epoch:.3f}")
"""


@pytest.fixture(autouse=True)
def nothing_runs_on(lab: Lab) -> Iterator[None]:
    """Cancel what a test has left, so that the next one's jobs do not wait for it."""
    yield
    for job in lab.home.call("GET", "/jobs?limit=200")["jobs"]:
        if job["status"] in ("Queued", "Running"):
            lab.home.call("POST", f"/jobs/{job['id']}/cancel")


def without_kernel(page: Page, lab: Lab, name: str) -> Locator:
    """Open a notebook that names no kernel, choose to have none, and return its cells."""
    page.goto(f"{lab.url}/lab/tree/{name}?reset&token={lab.token}")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="No Kernel").click(timeout=STARTS_WITHIN_MS)
    return page.get_by_role("feed", name="Cells").locator(".jp-CodeCell")


def forget_kernel(lab: Lab, name: str) -> None:
    """End a saved notebook's kernel and take its name out, as a tool that cleans notebooks does."""
    lab.end_kernels()
    book = lab.saved(name)
    book.metadata.clear()
    nbformat.write(book, lab.folder / name)


def write_jobs(lab: Lab, name: str, bundles: list[dict[str, Any]]) -> None:
    """Write a notebook whose cells have sent jobs, as a kernel would have saved it."""
    outputs = [[nbformat.v4.new_output("display_data", bundle)] for bundle in bundles]
    cells = [nbformat.v4.new_code_cell("%%engine", outputs=one) for one in outputs]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), lab.folder / name)


def saved(job: int) -> dict[str, Any]:
    """Return what a notebook keeps of a job that was waiting."""
    reference = {"version": 1, "cluster": TRAINING, "job": job, "status": "Queued"}
    return {"text/plain": "a saved job", "text/html": "<b>a saved job</b>", MIME: reference}


@contextmanager
def most_at_once(page: Page) -> Iterator[list[int]]:
    """Collect how many questions about jobs were under way each time when one began."""
    under_way: set[Request] = set()
    counts: list[int] = []

    def begin(request: Request) -> None:
        # The status bar's own count of one's running jobs names a user.
        if "/kd-magics/jobs" in request.url and "user=" not in request.url:
            under_way.add(request)
            counts.append(len(under_way))

    page.on("request", begin)
    page.on("requestfinished", lambda request: under_way.discard(request))
    page.on("requestfailed", lambda request: under_way.discard(request))
    yield counts


def test_a_reopened_notebook_shows_its_running_job_without_a_kernel(
    lab: Lab, page: Page, browser: Browser
) -> None:
    go_on = lab.home.repository / "go-on"
    lab.set_theme(LIGHT)
    lab.write("running.ipynb", [LOAD, TRAIN])
    notebook = lab.open(page, "running.ipynb")
    notebook.run(0)
    expect(notebook.run(1)).to_contain_text("the first picture", timeout=WAITS_MS)
    notebook.save()
    page.close()
    forget_kernel(lab, "running.ipynb")
    reference = lab.saved("running.ipynb").cells[1].outputs[1].data[MIME]
    assert (reference["status"], "as_of" in reference) == ("Running", True)

    context = browser.new_context(viewport={"width": 1200, "height": 900})
    other = context.new_page()
    cell = without_kernel(other, lab, "running.ipynb").nth(1).locator(".kd-LiveCell")
    expect(cell).to_contain_text("Running", timeout=WAITS_MS)
    expect(cell).to_contain_text("epoch 1/2 loss=0.500")
    expect(cell).to_contain_text("the first picture")
    expect(cell.get_by_role("progressbar")).to_be_visible()
    expect(cell.get_by_role("button", name="Cancel…")).to_be_visible()
    screenshot(other, "live-cell-running")
    go_on.touch()
    expect(cell).to_contain_text("Finished", timeout=WAITS_MS)
    expect(cell).to_contain_text("epoch 2/2 loss=0.250")
    expect(cell).to_contain_text("the last picture")
    expect(cell.get_by_role("button", name="Run again…")).to_be_visible()
    expect(other.get_by_text("%cancel")).to_have_count(0)  # the kernel's button
    assert violations(cell) == []
    screenshot(other, "live-cell-finished")
    context.close()
    go_on.unlink()


def test_a_running_job_is_cancelled_from_another_browser(lab: Lab, page: Page) -> None:
    job = lab.home.call("POST", "/jobs", {"code": "import time\ntime.sleep(300)"})["id"]
    write_jobs(lab, "cancel.ipynb", [saved(job)])
    cell = without_kernel(page, lab, "cancel.ipynb").first
    cell.get_by_role("button", name="Cancel…").click(timeout=WAITS_MS)
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(cell).to_contain_text("Cancelled", timeout=WAITS_MS)
    assert lab.home.call("GET", f"/jobs/{job}?wait=30&known=Running")["status"] == "Cancelled"


def test_many_cells_share_two_connections(lab: Lab, browser: Browser) -> None:
    code = "print('begun')\nimport time\ntime.sleep(300)"
    jobs = [lab.home.call("POST", "/jobs", {"code": code})["id"] for _ in range(MANY)]
    write_jobs(lab, "many.ipynb", [saved(job) for job in jobs])
    context = browser.new_context(viewport={"width": 1200, "height": 20_000})  # all are in sight
    page = context.new_page()
    with most_at_once(page) as counts:
        cells = without_kernel(page, lab, "many.ipynb")
        buttons = cells.get_by_role("button", name="Cancel…")
        expect(buttons).to_have_count(MANY, timeout=WAITS_MS)
        for job in jobs:
            lab.home.call("POST", f"/jobs/{job}/cancel")
        ended = cells.locator('.kd-LiveCell[data-kd-status="Cancelled"]')
        expect(ended).to_have_count(MANY, timeout=WAITS_MS)
    assert counts
    assert max(counts) <= 2
    context.close()


def test_cells_are_current_after_they_were_scrolled_away(lab: Lab, page: Page) -> None:
    job = lab.home.call("POST", "/jobs", {"code": "import time\ntime.sleep(300)"})["id"]
    filler = [{"text/plain": "\n".join(f"line {n}" for n in range(60))}] * 30
    write_jobs(lab, "scrolled.ipynb", [saved(job), *filler])
    lab.set("@jupyterlab", "notebook-extension", "tracker", windowingMode="full")
    without_kernel(page, lab, "scrolled.ipynb")
    first = page.locator(".kd-LiveCell")
    expect(first.get_by_role("button", name="Cancel…")).to_be_visible(timeout=WAITS_MS)
    page.mouse.move(600, 500)
    for _ in range(40):
        page.mouse.wheel(0, 3_000)
    expect(first).not_to_be_in_viewport()
    lab.home.call("POST", f"/jobs/{job}/cancel")
    for _ in range(40):
        page.mouse.wheel(0, -3_000)
    expect(first).to_contain_text("Cancelled", timeout=WAITS_MS)
    lab.set("@jupyterlab", "notebook-extension", "tracker")


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_grid_s_cell_shows_its_table_and_curves_live(
    lab: Lab, page: Page, browser: Browser, theme: str
) -> None:
    lab.set_theme(theme)
    lab.write("grid.ipynb", [LOAD, GRID])
    notebook = lab.open(page, "grid.ipynb")
    notebook.run(0)
    shown = notebook.run(1)
    table = shown.get_by_role("table", name="2 jobs")
    for loss in ("0.333", "0.667"):
        expect(table).to_contain_text(loss, timeout=WAITS_MS)
    expect(table.get_by_text("Finished")).to_have_count(2)
    expect(shown.locator(".kd-Charts canvas")).to_have_count(1)
    notebook.save()
    page.close()
    forget_kernel(lab, "grid.ipynb")
    (reference,) = [
        output.data[MIME_OF_MANY]
        for output in lab.saved("grid.ipynb").cells[1].outputs
        if MIME_OF_MANY in output.get("data", {})
    ]
    assert len(reference["jobs"]) == 2
    assert not any(token in json.dumps(reference) for token in lab.home.secrets())
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    other = context.new_page()
    cell = without_kernel(other, lab, "grid.ipynb").nth(1).locator(".kd-LiveGrid")
    expect(cell.get_by_role("table", name="2 jobs")).to_contain_text("0.667", timeout=WAITS_MS)
    expect(cell.locator(".kd-Charts canvas")).to_have_count(1)
    assert violations(cell) == []
    screenshot(other, f"live-grid-{theme.split()[-1].lower()}")
    cell.get_by_role("button", name="Open as a tab").click()
    expect(other.get_by_role("tab", name=re.compile("Comparison of 2 jobs"))).to_be_visible()
    context.close()
