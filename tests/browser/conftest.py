"""One JupyterLab and one Chromium for a module's tests; a page of its own for each test."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.running_lab import Lab, launch
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
    folder = tmp_path_factory.mktemp("lab")
    home = RunningHome(folder / "home")
    yield Lab(home, folder / "notebooks")
    home.kd("down")
    assert [process.cmdline() for process in home.processes()] == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a window."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield context.new_page()
    context.close()
