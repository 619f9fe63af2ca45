"""Five thousand jobs and a thousand models: each list draws what can be seen, and no more.

How fast it is `make bench` tells (benchmarks/sidebar.py).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running_lab import Lab
from tests.browser.sidebar import Sidebar, screenshot
from tests.kd_engines.local.running_home import TRAINING, RunningHome
from tests.kd_engines.training.many_jobs import write_jobs
from tests.kd_pipeline.many_models import write_models

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
JOBS, MODELS = 5_000, 1_000
MOST_ROWS = 150  # in the page, however many there are


def large_lab(folder: Path, models: int = MODELS) -> Lab:
    """Run a JupyterLab over so many jobs and models."""
    home = RunningHome(folder / "home", deployment=True)
    write_jobs(home.repository / "misc" / TRAINING / "jobs", JOBS)
    write_models(home.manifests, home.repository, models)
    return Lab(home, folder / "notebooks")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = large_lab(tmp_path_factory.mktemp("large"))
    yield lab
    lab.home.kd("down")


@pytest.fixture
def large_sidebar(large: Lab, page: Page) -> Sidebar:
    large.visit(page)
    return Sidebar(page).open()


def test_the_newest_of_five_thousand_jobs_are_shown_and_older_ones_come_by_scrolling(
    large_sidebar: Sidebar,
) -> None:
    sidebar = large_sidebar.only("Jobs")
    expect(sidebar.row("Jobs", f"taxi-{JOBS}").first).to_be_visible()
    assert 0 < sidebar.rows("Jobs").count() < MOST_ROWS
    screenshot(sidebar.page, "sidebar-5000-jobs")
    # A list is asked for its first page only; what follows comes when its end is in sight.
    oldest = sidebar.row("Jobs", f"taxi-{JOBS - 150}")
    sidebar.section("Jobs").get_by_role("list").hover()
    for _ in range(400):
        if oldest.count():
            break
        sidebar.page.mouse.wheel(0, 300)  # less than is in sight, so that none is passed over
        sidebar.page.wait_for_timeout(50)
    expect(oldest.first).to_be_visible()
    assert sidebar.rows("Jobs").count() < MOST_ROWS
    assert sidebar.violations() == []


def test_of_a_thousand_models_only_those_in_sight_are_drawn(large_sidebar: Sidebar) -> None:
    sidebar = large_sidebar.only("Models")
    expect(sidebar.row("Models", "ride-0").first).to_be_visible()
    assert 0 < sidebar.rows("Models").count() < MOST_ROWS
    screenshot(sidebar.page, "sidebar-1000-models")
    assert sidebar.violations() == []
