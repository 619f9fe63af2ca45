"""Jobs in the sidebar and in tabs of their own: seen, followed, cancelled, run again, compared."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.running_lab import Lab, OpenNotebook
from tests.browser.sidebar import DARK, LIGHT, Sidebar, screenshot, violations
from tests.kd_engines.local.running_home import TRAINING
from tests.kd_engines.running_server import eventually, runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LOAD = "%load_ext kd_magics"
EPOCHS = "for n in range(1, 9):\n    print(f'epoch {n}/8 rmse={rate * 100 / n:.3f}')\n"
ENDS_WITHIN_MS = 60_000


def send(lab: Lab, code: str, **body: object) -> int:
    """Send a job as a terminal would; return its number."""
    return int(lab.home.call("POST", "/jobs", {"code": code, **body})["id"])


def open_job(sidebar: Sidebar, name: str) -> Locator:
    """Open a job's tab by its row; return the tab's panel."""
    row = sidebar.row("Jobs", name).first
    row.get_by_role("button", name=name, exact=True).click()
    return job_panel(sidebar.page, name)


def job_panel(page: Page, name: str) -> Locator:
    """Return the panel of the tab that shows a job."""
    return page.locator(".kd-JobTab").filter(has=page.get_by_role("heading", name=name))


def log_of(panel: Locator) -> Locator:
    """Return the log in a job's tab."""
    return panel.get_by_role("region", name="Log")


def choose_in_dialog(page: Page, button: str) -> None:
    """Answer a dialog."""
    page.get_by_role("dialog").get_by_role("button", name=button).click()


def test_an_output_that_the_job_updates_is_replaced_in_its_place(
    whole_lab: Lab, sidebar: Sidebar
) -> None:
    code = (
        "import os, time\nprint('before')\n"
        "def step(n): return {'text/html': f'<b>step {n}</b>', 'text/plain': str(n)}\n"
        "handle = display(step(0), raw=True, display_id=True)\nprint('after')\n"
        "while not os.path.exists('misc/go-on'): time.sleep(0.1)\n"
        "for n in range(1, 4): handle.update(step(n), raw=True)\nprint('done')"
    )
    send(whole_lab, code, name="updates")
    panel = open_job(sidebar.only("Jobs"), "updates")
    expect(log_of(panel)).to_contain_text(
        re.compile(r"before.*step 0.*after", re.S), timeout=30_000
    )
    (whole_lab.home.repository / "misc" / "go-on").touch()
    expect(log_of(panel)).to_contain_text(re.compile(r"before.*step 3.*done", re.S), timeout=30_000)
    expect(log_of(panel)).not_to_contain_text("step 0")
    assert len(log_of(panel).locator(".kd-JobLog-output").all()) == 1
    screenshot(sidebar.page, "updated-output")


def test_a_job_of_a_cell_is_in_the_list_at_once_and_says_how_it_ends(
    whole_lab: Lab, page: Page
) -> None:
    cell = f"%%{TRAINING.replace('-', '')} --name from-a-cell\nimport time\ntime.sleep(4)"
    whole_lab.write("cell.ipynb", [LOAD, cell])
    notebook: OpenNotebook = whole_lab.open(page, "cell.ipynb")
    sidebar = Sidebar(page).open().only("Jobs")
    notebook.run(0)
    notebook.run(1)
    row = sidebar.row("Jobs", "from-a-cell")
    expect(row).to_be_visible()
    expect(row).to_contain_text("Finished", timeout=ENDS_WITHIN_MS)


def test_a_log_is_followed_through_a_killed_engine_and_a_reloaded_page(
    whole_lab: Lab, sidebar: Sidebar
) -> None:
    page = sidebar.page
    code = "import time\nfor n in range(150):\n    print(f'ride {n:04d}')\n    time.sleep(0.1)"
    send(whole_lab, code, name="followed")
    panel = open_job(sidebar.only("Jobs"), "followed")
    expect(log_of(panel)).to_contain_text("ride 0010", timeout=30_000)
    whole_lab.home.kill(whole_lab.home.member(TRAINING)["pid"])
    expect(log_of(panel)).to_contain_text("ride 0060", timeout=ENDS_WITHIN_MS)
    # What the layout is restored from is written a moment after it has changed.
    page.wait_for_timeout(2_000)
    page.goto(re.sub(r"[?&]reset=?", "?", page.url))
    panel = job_panel(page, "followed")
    expect(panel).to_contain_text("Finished", timeout=ENDS_WITHIN_MS)
    expect(log_of(panel)).to_contain_text("ride 0149", timeout=ENDS_WITHIN_MS)
    shown = re.findall(r"ride \d{4}", log_of(panel).inner_text())
    assert shown == [f"ride {n:04d}" for n in range(150)]


def test_cancelling_ends_every_process_of_a_job(whole_lab: Lab, sidebar: Sidebar) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        "wait = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "child = subprocess.Popen(wait, start_new_session=True)\n"
        "print('processes', os.getpid(), child.pid, flush=True)\ntime.sleep(600)"
    )
    send(whole_lab, code, name="a-tree")
    panel = open_job(sidebar.only("Jobs"), "a-tree")
    expect(log_of(panel)).to_contain_text(re.compile(r"processes \d+ \d+"), timeout=30_000)
    pids = [int(pid) for pid in re.findall(r"\d+", log_of(panel).inner_text())]
    assert all(runs(pid) for pid in pids)
    panel.get_by_role("button", name="Cancel…").click()
    choose_in_dialog(sidebar.page, "Cancel the job")
    expect(panel).to_contain_text("Cancelled", timeout=ENDS_WITHIN_MS)
    expect(sidebar.row("Jobs", "a-tree")).to_contain_text("Cancelled")
    eventually(lambda: not any(runs(pid) for pid in pids))


def test_a_job_is_downloaded_as_log_and_as_notebook(whole_lab: Lab, sidebar: Sidebar) -> None:
    number = send(whole_lab, "print('downloaded')", name="to-download")
    panel = open_job(sidebar.only("Jobs"), "to-download")
    expect(log_of(panel)).to_contain_text("downloaded", timeout=30_000)
    with sidebar.page.expect_download() as log:
        panel.get_by_role("button", name="Download log").click()
    assert log.value.suggested_filename == f"{TRAINING}-{number}.log"
    assert log.value.path().read_text() == "downloaded\n"
    with sidebar.page.expect_download() as notebook:
        panel.get_by_role("button", name="Download as notebook").click()
    book = nbformat.read(notebook.value.path(), as_version=4)
    assert any("downloaded" in str(cell.get("outputs")) for cell in book.cells)


def test_a_job_runs_again_with_another_param(whole_lab: Lab, sidebar: Sidebar) -> None:
    page = sidebar.page
    send(whole_lab, "print('depth is', depth * 2)", name="first", params={"depth": 3})
    panel = open_job(sidebar.only("Jobs"), "first")
    expect(log_of(panel)).to_contain_text("depth is 6", timeout=30_000)
    panel.get_by_role("button", name="Run again…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("second")
    dialog.get_by_label("depth").fill("{")
    expect(dialog).to_contain_text("This is not a JSON value.")
    dialog.get_by_label("depth").fill("21")
    choose_in_dialog(page, "Run")
    again = job_panel(page, "second")
    expect(log_of(again)).to_contain_text("depth is 42", timeout=30_000)
    again.get_by_text("Details").click()
    expect(again.get_by_role("row", name=re.compile("Run again of"))).to_be_visible()


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_running_job_draws_its_metrics_and_what_it_uses(
    whole_lab: Lab, page: Page, theme: str
) -> None:
    name = f"curves-{theme.split()[-1].lower()}"
    slow = EPOCHS + "    until = time.monotonic() + 1\n    while time.monotonic() < until: pass\n"
    code = f"import time\nheld = bytearray(50_000_000)\n{slow}time.sleep(600)"
    number = send(whole_lab, code, name=name, params={"rate": 0.5})
    whole_lab.set_theme(theme)
    whole_lab.visit(page)
    sidebar = Sidebar(page).open().only("Jobs")
    panel = open_job(sidebar, name)
    told = re.compile(r"rmse: from 50 to 6\.25, least 6\.25, greatest 50")
    chart = panel.get_by_role("group", name=told)
    expect(chart).to_be_visible(timeout=ENDS_WITHIN_MS)
    expect(panel.get_by_role("group", name=re.compile("^processors"))).to_be_visible()
    expect(panel.get_by_role("group", name=re.compile(r"^memory: .* MiB"))).to_be_visible()
    assert is_drawn(chart)
    chart.locator(".u-over").hover()
    expect(chart.get_by_role("row", name=re.compile("rmse"))).to_contain_text(re.compile(r"\d"))
    screenshot(page, f"job-{name}")
    assert violations(panel) == []
    whole_lab.home.call("POST", f"/jobs/{number}/cancel")
    expect(panel).to_contain_text("Cancelled", timeout=ENDS_WITHIN_MS)
    expect(chart).to_be_visible()


def test_a_job_opens_its_notebook_at_the_cell_that_sent_it(whole_lab: Lab, page: Page) -> None:
    cell = f"%%{TRAINING.replace('-', '')} --name by-the-last-cell\nprint('there')"
    cells = [LOAD, *(f"{n}\n" * 30 for n in range(8)), cell]
    whole_lab.write("long.ipynb", cells)
    notebook = whole_lab.open(page, "long.ipynb")
    sidebar = Sidebar(page).open().only("Jobs")
    notebook.run(0)
    # A notebook draws only the cells that are in sight.
    page.get_by_role("feed", name="Cells").press("Escape")
    for _ in cells:
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+Enter")
    row = sidebar.row("Jobs", "by-the-last-cell")
    expect(row).to_contain_text("Finished", timeout=ENDS_WITHIN_MS)
    notebook.save()
    whole_lab.visit(page)
    panel = open_job(Sidebar(page).open().only("Jobs"), "by-the-last-cell")
    panel.get_by_role("button", name="Open notebook").click()
    last = page.get_by_role("feed", name="Cells").locator(".jp-CodeCell").last
    expect(last).to_contain_text("by-the-last-cell", timeout=ENDS_WITHIN_MS)
    expect(last).to_be_in_viewport(timeout=30_000)
    expect(last).to_have_class(re.compile("jp-mod-active"))


def test_four_jobs_of_a_grid_stand_side_by_side(whole_lab: Lab, sidebar: Sidebar) -> None:
    page = sidebar.page
    for rate in (1, 2, 3, 4):
        send(whole_lab, EPOCHS, name=f"grid-{rate}", params={"rate": rate, "kind": "tree"})
    sidebar.only("Jobs")
    for rate in (1, 2, 3, 4):
        row = sidebar.row("Jobs", f"grid-{rate}")
        expect(row).to_contain_text("Finished", timeout=ENDS_WITHIN_MS)
        row.get_by_role("checkbox").check()
    sidebar.section("Jobs").get_by_role("button", name="Compare").click()
    table = page.get_by_role("table").filter(has_text="4 jobs")
    expect(table.get_by_role("rowheader")).to_have_count(4)
    expect(table.get_by_role("columnheader", name="rate")).to_be_visible()
    expect(table.get_by_role("columnheader", name="kind")).to_have_count(0)
    best = table.get_by_role("row").filter(has=page.get_by_role("img", name="best"))
    expect(best).to_have_count(1)
    expect(best).to_contain_text("grid-1")
    chart = page.get_by_role("group", name=re.compile(r"^rmse: grid-\d .*; grid-\d .*; grid-\d"))
    expect(chart).to_be_visible(timeout=30_000)
    assert is_drawn(chart)
    expect(chart.get_by_role("row")).to_have_count(5)  # the axis, and a line for each job
    screenshot(page, "comparison")
    assert violations(page.locator(".jp-MainAreaWidget").filter(has=table)) == []


def is_drawn(chart: Locator) -> bool:
    """Tell whether a chart's canvas shows more than nothing, in more than one color."""
    script = """
    chart => {
      const canvas = chart.querySelector('canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const colors = new Set(new Uint32Array(data.buffer));
      return colors.size > 2;
    }
    """
    return bool(chart.evaluate(script))


def test_jobs_of_a_terminal_are_counted_in_the_status_bar_and_their_end_is_told(
    whole_lab: Lab, page: Page, tmp_path: Path
) -> None:
    whole_lab.set("kd-magics", "my-jobs", notifyAfter=0)
    whole_lab.visit(page)
    item = page.get_by_role("button", name=re.compile(r"\d jobs? (run|wait)"))
    expect(item).to_have_count(0)
    may_end = tmp_path / "may-end"
    code = f"import pathlib\nwhile not pathlib.Path({str(may_end)!r}).exists(): time.sleep(0.1)"
    trained = train(whole_lab, tmp_path, code, "long-train")
    train(whole_lab, tmp_path, "raise ValueError('no rides')", "broken-train")
    expect(item).to_have_text("1 job runs", timeout=30_000)
    expect(item).to_have_attribute("title", f"long-train ({TRAINING}/{trained})")
    screenshot(page, "status-bar")
    failed = toast(page, "broken-train")
    expect(failed).to_contain_text("Failed", timeout=30_000)
    # Of a picture animations are ended, and with its own a notification: this one stays.
    screenshot(page, "notifications")
    item.click()
    expect(Sidebar(page).region).to_be_visible()
    may_end.touch()
    ended = toast(page, "long-train")
    expect(ended).to_contain_text("Finished", timeout=ENDS_WITHIN_MS)
    ended.get_by_role("button", name="Register…").click()  # it goes away by itself
    expect(page.locator(".kd-RegisterTab")).to_be_visible()
    failed.get_by_role("button", name="Show").click()
    expect(job_panel(page, "broken-train")).to_contain_text("ValueError")
    expect(item).to_have_count(0)


def toast(page: Page, text: str) -> Locator:
    """Return the notification in which a text stands; its buttons are beside its alert."""
    alert = page.get_by_role("alert").filter(has_text=text)
    return page.locator(".Toastify__toast").filter(has=alert)


def train(lab: Lab, folder: Path, code: str, name: str) -> int:
    """Send a job from a terminal; return its number."""
    file = folder / f"{name}.py"
    file.write_text(f"import time\n{code}\n")
    done = lab.home.kd("train", str(file), "--name", name, "--json")
    return int(json.loads(done.stdout)["jobs"][0]["id"])
