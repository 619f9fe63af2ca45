"""The sidebar as whoever sits before it meets it: by mouse, by keyboard, by screen reader."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, Request, TimeoutError, expect

from tests.kd_engines.running_server import eventually

NAME = "Training and deployment"
SECTIONS = ("Engines", "Jobs", "Models", "Deployments")
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
FRONTEND = Path(__file__).resolve().parents[2] / "jupyter_extension" / "frontend"
AXE = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
STARTS_WITHIN_MS = 60_000
# What still changes has colors that it will not keep; a caret blinks for ever.
AT_REST = """
document.getAnimations().every(
  one => one.playState !== 'running' || one.effect.getComputedTiming().endTime === Infinity
)
"""
# Marks in the page: when the pointer went down, and when each section's first row was drawn.
FIRST_ROWS = """
names => {
  const row = name => {
    const title = document.querySelector(`[aria-label="${name} Section"]`);
    const region = title && document.querySelector(`[aria-labelledby="${title.id}"]`);
    return region && region.querySelector('li, [role="listitem"]');
  };
  const drawn = name => new Promise(done => {
    const look = () => requestAnimationFrame(() => {
      if (!row(name)) {
        return look();
      }
      performance.mark(name);
      done([name, performance.measure(name, 'pointer-down', name).duration]);
    });
    look();
  });
  const begin = () => performance.mark('pointer-down');
  document.addEventListener('pointerdown', begin, { capture: true, once: true });
  window.kdFirstRows = Promise.all(names.map(drawn));
}
"""


class Sidebar:
    """The sidebar of a page that shows JupyterLab or Notebook 7."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.region = page.get_by_role("region", name=NAME)

    def open(self) -> "Sidebar":
        """Show it, by its tab."""
        tab = self.page.get_by_role("tab", name=NAME)
        tab.wait_for(timeout=STARTS_WITHIN_MS)
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        expect(self.region).to_be_visible()
        return self

    def header(self, section: str) -> Locator:
        """Return a section's header, which opens and closes it."""
        return self.region.get_by_role("heading", name=f"{section} Section")

    def section(self, section: str) -> Locator:
        """Return what is below a section's header."""
        return self.region.get_by_role("region", name=f"{section} Section")

    def rows(self, section: str) -> Locator:
        """Return the rows that a section has drawn."""
        return self.section(section).get_by_role("listitem")

    def row(self, section: str, text: str | re.Pattern[str]) -> Locator:
        """Return the rows of a section in which a text stands."""
        return self.rows(section).filter(has_text=text)

    def only(self, *sections: str) -> "Sidebar":
        """Leave open these sections and no others, so that they have room."""
        for name in SECTIONS:
            header = self.header(name)
            if (header.get_attribute("aria-expanded") == "true") != (name in sections):
                header.click()
        return self

    def violations(self) -> list[str]:
        """Return what axe finds wrong in the sidebar, each with where; color contrast too."""
        return violations(self.region)

    def first_rows_ms(self, sections: Sequence[str]) -> dict[str, float]:
        """Open it, and return for each section how long its first row took to be drawn."""
        self.page.get_by_role("tab", name=NAME).wait_for(timeout=STARTS_WITHIN_MS)
        self.page.evaluate(FIRST_ROWS, list(sections))
        self.open()
        return dict(self.page.evaluate("window.kdFirstRows"))


def violations(part: Locator) -> list[str]:
    """Return what axe finds wrong in a part of a page, each with where."""
    page = part.page
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    page.wait_for_function(AT_REST)
    found = part.evaluate("element => axe.run(element, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def run_command(page: Page, label: str) -> None:
    """Run a command from the command palette, by its label."""
    palette = page.locator("#modal-command-palette")

    def choose() -> bool:
        # It closes when the focus goes elsewhere, as it does where a page has just opened.
        if not palette.is_visible():
            page.keyboard.press("Control+Shift+C")
        try:
            palette.get_by_placeholder("Search").fill(label, timeout=2_000)
            palette.get_by_text(label, exact=True).click(timeout=2_000)
        except TimeoutError:
            return False
        return True

    eventually(choose)
    expect(palette).to_be_hidden()


def screenshot(page: Page, name: str) -> None:
    """Keep a picture of the page in the folder KD_SCREENSHOTS, where that is set."""
    if folder := os.environ.get("KD_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")


def set_hidden(page: Page, is_hidden: bool) -> None:
    """Tell the page that nobody sees it, as a browser does with a tab that is behind another."""
    page.evaluate(
        """isHidden => {
          Object.defineProperty(document, 'hidden', { configurable: true, value: isHidden });
          const state = { configurable: true, value: isHidden ? 'hidden' : 'visible' };
          Object.defineProperty(document, 'visibilityState', state);
          document.dispatchEvent(new Event('visibilitychange'));
        }""",
        is_hidden,
    )


@contextmanager
def asked(page: Page) -> Iterator[list[str]]:
    """Collect the URLs of what the sidebar asks its server meanwhile."""
    found: list[str] = []

    def take(request: Request) -> None:
        if "/kd-magics/" in request.url and "/lab/extensions/" not in request.url:
            found.append(request.url)

    page.on("request", take)
    yield found
    page.remove_listener("request", take)
