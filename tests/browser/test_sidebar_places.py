"""The sidebar elsewhere than at a server's root: below JupyterHub's base URL, and in Notebook 7."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running_lab import LabOf
from tests.browser.sidebar import NAME, SECTIONS, Sidebar, asked, run_command, screenshot
from tests.kd_engines.local.running_home import DEPLOYMENT, TRAINING, RunningHome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
BASE_URL = "/user/ann/"
CELLS = ["%load_ext kd_magics", "%%trainingengineinstance\nprint(6 * 7)"]


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabOf]:
    """Run what JupyterHub would run for its user ann."""
    folder = tmp_path_factory.mktemp("below")
    home = RunningHome(folder / "home", deployment=True)
    home.up()
    lab = LabOf.of_home(home, folder / "notebooks", f"--ServerApp.base_url={BASE_URL}")
    yield lab
    lab.jupyter.stop()
    home.kd("down")


def check_clusters(sidebar: Sidebar) -> None:
    """See the four sections and the connected clusters in them."""
    for name in SECTIONS:
        expect(sidebar.header(name)).to_be_visible()
    expect(sidebar.row("Engines", TRAINING)).to_be_visible()
    expect(sidebar.row("Deployments", DEPLOYMENT)).to_be_visible()


def test_below_a_base_url_it_asks_below_that_url(below: LabOf, page: Page) -> None:
    with asked(page) as urls:
        below.visit(page)
        check_clusters(Sidebar(page).open())
    assert below.url.endswith(BASE_URL.rstrip("/"))
    assert [url for url in urls if not url.startswith(f"{below.url}/kd-magics/")] == []


def test_notebook_7_shows_it_from_its_view_menu(below: LabOf, page: Page) -> None:
    below.write("menu.ipynb", CELLS)
    below.open_notebook7(page, "menu.ipynb")
    page.get_by_role("menuitem", name="View", exact=True).click()
    page.get_by_role("menu").get_by_text("Left Sidebar", exact=True).hover()
    page.get_by_role("menu").get_by_text(f"Show {NAME}", exact=True).click()
    check_clusters(Sidebar(page))


def test_notebook_7_shows_it_from_its_palette_beside_a_cell_that_trains(
    below: LabOf, page: Page
) -> None:
    below.write("palette.ipynb", CELLS)
    notebook = below.open_notebook7(page, "palette.ipynb")
    run_command(page, f"Show {NAME}")
    sidebar = Sidebar(page)
    check_clusters(sidebar)
    notebook.run(0)
    cell = notebook.run(1).locator(".kd-LiveCell")
    expect(cell).to_contain_text("42", timeout=20_000)
    expect(cell).to_contain_text("Finished", timeout=20_000)
    expect(sidebar.rows("Jobs").first).to_contain_text("Finished", timeout=20_000)
    assert sidebar.violations() == []
    screenshot(page, "sidebar-notebook7")
