"""The sidebar and live cells in the oldest JupyterLab that they are for."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running_lab import LabOf
from tests.browser.sidebar import SECTIONS, Sidebar, run_command, screenshot
from tests.kd_engines.local.running_home import DEPLOYMENT, TRAINING, RunningHome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PYTHON = Path(__file__).resolve().parents[2] / ".venv" / "oldest-lab" / "bin" / "python"
WAITS_MS = 60_000


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabOf]:
    """Run JupyterLab 4.4 in an environment of its own, as the notebook of a `kd up`."""
    assert PYTHON.exists(), "make .venv/oldest-lab/ready sets up the environment of this test"
    folder = tmp_path_factory.mktemp("oldest")
    home = RunningHome(folder / "home", deployment=True)
    home.up()
    lab = LabOf.of_home(home, folder / "notebooks", python=str(PYTHON))
    yield lab
    lab.jupyter.stop()
    home.kd("down")


def test_sidebar_cell_and_commands_work_there(oldest: LabOf, page: Page) -> None:
    show = "import jupyterlab; print(jupyterlab.__version__)"
    told = subprocess.run([PYTHON, "-c", show], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("4.4.")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    oldest.write("old.ipynb", ["print('ran on', 6 * 7)"])
    notebook = oldest.open(page, "old.ipynb")
    sidebar = Sidebar(page).open()
    for name in SECTIONS:
        expect(sidebar.header(name)).to_be_visible()
    expect(sidebar.row("Engines", TRAINING)).to_be_visible()
    expect(sidebar.row("Deployments", DEPLOYMENT)).to_be_visible()
    notebook.cells.first.locator(".cm-content").click()
    page.get_by_role("button", name="Run cell on…").click()
    cell = notebook.output(0).locator(".kd-LiveCell")
    expect(cell).to_contain_text("ran on 42", timeout=WAITS_MS)
    expect(cell).to_contain_text("Finished", timeout=WAITS_MS)
    expect(sidebar.rows("Jobs").first).to_contain_text("Finished")
    cell.get_by_role("button", name="Open log").click()
    log = page.locator(".kd-JobTab:visible").get_by_role("region", name="Log")
    expect(log).to_contain_text("ran on 42", timeout=WAITS_MS)
    run_command(page, "Register a Model…")
    expect(page.get_by_role("form", name="Model")).to_be_visible()
    screenshot(page, "oldest-lab")
    assert errors == []
