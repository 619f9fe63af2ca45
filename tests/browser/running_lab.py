"""A real JupyterLab of `kd up` in a real Chromium, as a data scientist sits before it."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import requests
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from tests.jupyter_extension.running_jupyter import LOGIN, RunningJupyter
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
APPUTILS = ("@jupyterlab", "apputils-extension")
# The status bar's word: the notebook's own mark says idle before there is a connection.
KERNEL_OF_LAB = "Python 3 (ipykernel) | Idle"
KERNEL_OF_NOTEBOOK_7 = "Python 3 (ipykernel)"


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
        # What a page keeps, such as its theme, stays out of the developer's own JupyterLab.
        self._settings = home.path / "lab-settings"
        home.environment |= {
            "JUPYTERLAB_SETTINGS_DIR": str(self._settings),
            "JUPYTERLAB_WORKSPACES_DIR": str(home.path / "lab-workspaces"),
        }
        # Nothing of Jupyter's own is asked of the network, and no question covers the page.
        self.set(*APPUTILS, "notification", fetchNews="false", checkForUpdates=False)
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

    def end_kernels(self) -> None:
        """End every kernel of this server, as its page of running kernels does."""
        headers = {"Authorization": f"token {self.token}"}
        sessions = requests.get(f"{self.url}/api/sessions", headers=headers, timeout=30)
        for session in sessions.json():
            url = f"{self.url}/api/sessions/{session['id']}"
            assert requests.delete(url, headers=headers, timeout=30).ok

    def set_theme(self, theme: str) -> None:
        """Choose the theme of pages that are opened from now on, as the settings editor would."""
        self.set(*APPUTILS, "themes", theme=theme)

    def set(self, *plugin: str, **values: object) -> None:
        """Set what a plugin's settings are; ``plugin`` is its package and its own name."""
        *package, name = plugin
        path = self._settings.joinpath(*package)
        path.mkdir(parents=True, exist_ok=True)
        (path / f"{name}.jupyterlab-settings").write_text(json.dumps(values))

    def visit(self, page: Page) -> None:
        """Open JupyterLab with nothing open in it, and wait for what it opens last.

        That is its launcher, which takes the focus from whoever is using the keyboard already.
        """
        page.goto(f"{self.url}/lab?reset&token={self.token}")
        launcher = page.get_by_role("heading", name="Notebook", exact=True)
        launcher.wait_for(timeout=STARTS_WITHIN_MS)

    def open(self, page: Page, name: str) -> "OpenNotebook":
        """Open a notebook in a page that has nothing open yet."""
        page.goto(f"{self.url}/lab/tree/{name}?reset&token={self.token}")
        return OpenNotebook(page)


class LabOf(Lab):
    """JupyterLab and Notebook 7 on engines that run already; ``environment`` says where."""

    def __init__(
        self, folder: Path, *options: str, python: str = sys.executable, **environment: str
    ) -> None:
        self.folder = folder
        folder.mkdir()
        self.jupyter = RunningJupyter(folder, *options, python=python, **environment)
        self.url, self.token = self.jupyter.root.rstrip("/"), LOGIN
        self._settings = folder / "etc" / "lab" / "user-settings"
        self.set(*APPUTILS, "notification", fetchNews="false", checkForUpdates=False)

    @classmethod
    def of_home(
        cls, home: RunningHome, folder: Path, *options: str, python: str = sys.executable
    ) -> "LabOf":
        """Run it as the notebook of a home whose engines run."""
        return cls(
            folder,
            *options,
            python=python,
            KD_CONFIGMETA=str(home.folder(NOTEBOOK) / "configmeta.json"),
            KD_PROJECT_REPO=str(home.repository),
            KD_REGISTRY=str(home.manifests),
        )

    def open_notebook7(self, page: Page, name: str) -> "OpenNotebook":
        """Open a notebook in Notebook 7, which shows one notebook a page."""
        page.goto(f"{self.url}/notebooks/{name}?token={self.token}")
        return OpenNotebook(page, KERNEL_OF_NOTEBOOK_7)


class OpenNotebook:
    """The notebook that a page shows; ``kernel`` is what it says once its kernel is there."""

    def __init__(self, page: Page, kernel: str = KERNEL_OF_LAB) -> None:
        self.page, self._kernel = page, kernel
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
        self.page.get_by_text(self._kernel).wait_for(timeout=STARTS_WITHIN_MS)
