"""The sidebar over 5,000 jobs and 1,000 models: `make bench`.

How long after the click each list's first row is drawn, how long the server takes for what is
asked again and again, how long until a cell's job is listed and until fifty cells of jobs are
current, and what it costs to leave the sidebar open. Targets: a first row within 300 ms, a job
listed within 1 s, fifty cells current within 2 s, idle under 1 % of a core.
"""

import statistics
import tempfile
import time
from pathlib import Path

import psutil
import requests
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.running_lab import Lab, launch
from tests.browser.sidebar import SECTIONS, Sidebar
from tests.browser.test_live_cells import MANY, saved, without_kernel, write_jobs
from tests.browser.test_sidebar_scale import JOBS, MODELS, large_lab
from tests.kd_engines.local.running_home import NOTEBOOK, TRAINING

ROUNDS = 9
IDLE_S = 30
CELL_ROUNDS = 3
FEW_MODELS = 10  # as most registries have
# When the first and the last cell of a job are drawn, and when all have heard of their jobs.
TIME_CELLS = """
window.kdTimes = {};
const look = () => {
  const drawn = document.querySelectorAll('.kd-LiveCell').length;
  const told = document.querySelectorAll('.kd-LiveCell-buttons').length;
  window.kdTimes.first ??= drawn ? performance.now() : undefined;
  window.kdTimes.last ??= drawn >= MANY ? performance.now() : undefined;
  window.kdTimes.current ??= told >= MANY ? performance.now() : undefined;
  requestAnimationFrame(look);
};
look();
"""
ROUTES = {
    "jobs, the newest 100": "jobs?limit=100",
    "jobs, a search": "jobs?limit=100&q=taxi-7",
    "jobs, one that is not there": "jobs?limit=100&q=nothing-is-named-so",
    "models": "models",
    "engines": "engines",
    "deployments": "deployments",
}


def main() -> None:
    """Print the figures; medians of several rounds."""
    for models in (FEW_MODELS, MODELS):
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            lab, browser = large_lab(Path(folder), models), launch(playwright)
            try:
                print(f"The sidebar over {JOBS:,} jobs and {models:,} models")
                if models == MODELS:
                    answers(lab)
                    first_rows(browser, lab)
                    from_cell_to_list(browser, lab)
                    live_cells(browser, lab)
                idle(browser, lab)
            finally:
                browser.close()
                lab.home.kd("down")


def answers(lab: Lab) -> None:
    """Time what the sidebar asks, as the browser would."""
    session = requests.Session()
    session.headers["Authorization"] = f"token {lab.token}"
    for what, path in ROUTES.items():
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            answer = session.get(f"{lab.url}/kd-magics/{path}", timeout=60)
            times.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
        show(f"GET {what} ({len(answer.content) / 1000:,.0f} kB)", times)


def first_rows(browser: Browser, lab: Lab) -> None:
    """Time, by marks in the page, from the click on the sidebar's tab to each list's first row."""
    found: dict[str, list[float]] = {name: [] for name in SECTIONS}
    for _ in range(ROUNDS):
        page = browser.new_page()
        lab.visit(page)
        page.wait_for_timeout(2_000)  # JupyterLab itself is still busy
        for name, spent in Sidebar(page).first_rows_ms(SECTIONS).items():
            found[name].append(spent)
        page.close()
    for name, times in found.items():
        show(f"click to first row of {name}", times)


def from_cell_to_list(browser: Browser, lab: Lab) -> None:
    """Time from the key that runs a cell to the row of its job in the list."""
    cells = [f"%%{TRAINING.replace('-', '')} --name seen-{n}\npass" for n in range(ROUNDS)]
    lab.write("seen.ipynb", ["%load_ext kd_magics", *cells])
    page = browser.new_page()
    notebook = lab.open(page, "seen.ipynb")
    sidebar = Sidebar(page).open().only("Jobs")
    notebook.run(0)
    times = []
    for number in range(ROUNDS):
        notebook.cells.nth(number + 1).locator(".cm-content").click()
        began = time.perf_counter()
        page.keyboard.press("Control+Enter")
        sidebar.row("Jobs", f"seen-{number}").wait_for()
        times.append((time.perf_counter() - began) * 1000)
    show("from the cell's key to the row of its job", times)
    page.close()


def live_cells(browser: Browser, lab: Lab) -> None:
    """Time until a notebook's cells all show their jobs as they are, opened and after a change."""
    drawn, opened, changed = [], [], []
    for number in range(CELL_ROUNDS):
        code = {"code": "print('begun')\nimport time\ntime.sleep(300)"}
        jobs = [lab.home.call("POST", "/jobs", code)["id"] for _ in range(MANY)]
        write_jobs(lab, f"cells-{number}.ipynb", [saved(job) for job in jobs])
        context = browser.new_context(viewport={"width": 1200, "height": 20_000})
        context.add_init_script(TIME_CELLS.replace("MANY", str(MANY)))
        page = context.new_page()
        cells = without_kernel(page, lab, f"cells-{number}.ipynb")
        page.wait_for_function("window.kdTimes.current")
        times = page.evaluate("window.kdTimes")
        drawn.append(times["last"] - times["first"])
        opened.append(times["current"] - times["last"])
        for job in jobs:
            lab.home.call("POST", f"/jobs/{job}/cancel")
        for job in jobs:  # a running one ends a moment later
            lab.home.call("GET", f"/jobs/{job}?wait=30&known=Running")
        began = time.perf_counter()
        ended = cells.locator('.kd-LiveCell[data-kd-status="Cancelled"]')
        expect(ended).to_have_count(MANY, timeout=60_000)
        changed.append((time.perf_counter() - began) * 1000)
        context.close()
    show(f"{MANY} cells, drawn by JupyterLab", drawn)
    show(f"{MANY} cells, from the last drawn to all current", opened)
    show(f"{MANY} cells, from a change of all to all told", changed)


def idle(browser: Browser, lab: Lab) -> None:
    """Tell what processors the sidebar takes that is open and left alone, and closed."""
    page = browser.new_page()
    lab.visit(page)
    page.wait_for_timeout(5_000)
    server = psutil.Process(lab.home.member(NOTEBOOK)["pid"])
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")

    def spent() -> tuple[float, float]:
        told = {m["name"]: m["value"] for m in metrics.send("Performance.getMetrics")["metrics"]}
        times = server.cpu_times()
        return told["TaskDuration"], times.user + times.system

    def shares() -> list[float]:
        before = spent()
        page.wait_for_timeout(IDLE_S * 1_000)
        pairs = zip(spent(), before, strict=True)
        return [(after - begun) / IDLE_S * 100 for after, begun in pairs]

    closed = shares()
    Sidebar(page).open()
    page.wait_for_timeout(5_000)
    opened = shares()
    for who, without, with_it in zip(("page", "server"), closed, opened, strict=True):
        print(f"{f'idle, {who}: % of a core':44} closed {without:6.2f}   open {with_it:9.2f}")
    page.close()


def show(what: str, times: list[float]) -> None:
    """Print a figure's median, best and worst in milliseconds."""
    median, best, worst = statistics.median(times), min(times), max(times)
    print(f"{what:44} median {median:7.1f}   best {best:7.1f}   worst {worst:7.1f}")


if __name__ == "__main__":
    main()
