"""One JupyterLab and one Chromium for a module's tests; a page of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.running_lab import Lab, launch
from tests.browser.sidebar import LIGHT, Sidebar
from tests.kd_engines.local.running_home import RunningHome


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run a home with JupyterLab; nothing of it may be left."""
    yield from _running(tmp_path_factory.mktemp("lab"), deployment=False)


@pytest.fixture(scope="module")
def whole_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run a home with JupyterLab, a training and a deployment engine."""
    yield from _running(tmp_path_factory.mktemp("whole-lab"), deployment=True)


def _running(folder: Path, deployment: bool) -> Iterator[Lab]:
    home = RunningHome(folder / "home", deployment)
    yield Lab(home, folder / "notebooks")
    home.kd("down")
    assert [process.cmdline() for process in home.processes()] == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a window."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def sidebar(whole_lab: Lab, page: Page) -> Sidebar:
    """Open the sidebar in a light JupyterLab that has nothing else open."""
    whole_lab.set_theme(LIGHT)
    whole_lab.visit(page)
    return Sidebar(page).open()
