"""A real JupyterLab of `kd up` in a real Chromium, as a data scientist sits before it."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from tests.kd_engines.local.running_home import NOTEBOOK, RunningHome

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The first of a container's root; the others keep Chromium from asking its maker's servers.
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
STARTS_WITHIN_MS = 60_000


def launch(playwright: Playwright) -> Browser:
    """Start the system's Chromium; its absence is a failure with what to install."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert found, "the browser tests want your system's package `chromium`"
    return playwright.chromium.launch(executable_path=found, args=FLAGS)


class Lab:
    """A home whose notebook runs JupyterLab over ``folder``."""

    def __init__(self, home: RunningHome, folder: Path) -> None:
        self.home, self.folder = home, folder
        folder.mkdir()
        home.up("--lab", "--lab-root", str(folder))
        self.url = home.wait(NOTEBOOK)["url"]
        self.token = home.connections(NOTEBOOK).own.endpoints[0].token

    def write(self, name: str, cells: Sequence[str]) -> None:
        """Write a notebook of code cells."""
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(book, self.folder / name)

    def saved(self, name: str) -> nbformat.NotebookNode:
        """Return a notebook as it is on disk."""
        return nbformat.read(self.folder / name, as_version=4)

    def open(self, page: Page, name: str) -> "OpenNotebook":
        """Open a notebook in a page that has nothing open yet."""
        page.goto(f"{self.url}/lab/tree/{name}?reset&token={self.token}")
        return OpenNotebook(page)


class OpenNotebook:
    """The notebook that a page shows."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.cells = page.get_by_role("feed", name="Cells").locator(".jp-CodeCell")
        self.cells.first.wait_for(timeout=STARTS_WITHIN_MS)
        self.wait_for_kernel()

    def run(self, number: int, done: bool = True) -> Locator:
        """Run a cell, by its place from 0, as Shift+Enter does; return its output area."""
        cell = self.cells.nth(number)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        if done:
            self.wait_until_done(number)
        return self.output(number)

    def output(self, number: int) -> Locator:
        """Return a cell's output area."""
        return self.cells.nth(number).locator(".jp-Cell-outputArea")

    def wait_until_done(self, number: int) -> None:
        """Wait until a cell has its number, as those that have run do."""
        prompt = self.cells.nth(number).locator(".jp-InputPrompt")
        expect(prompt).to_have_text(f"[{number + 1}]:", timeout=STARTS_WITHIN_MS)

    def save(self) -> None:
        """Save, and wait until that is done."""
        with self.page.expect_response(
            lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url
        ):
            self.page.keyboard.press("Control+s")

    def wait_for_kernel(self) -> None:
        """Wait until a kernel is there and has nothing to do."""
        # The status bar's word: the notebook's own mark says idle before there is a connection.
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=STARTS_WITHIN_MS)
