"""A job, seen from JupyterLab: sent, left, found again, whatever went away in between."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running_lab import Lab
from tests.kd_engines.local.running_home import TRAINING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LOAD = "%load_ext kd_magics"


def test_a_job_is_found_again_in_another_tab(lab: Lab, page: Page) -> None:
    lines = "import time\nfor n in range(40):\n    print('line', n)\n    time.sleep(0.1)"
    lab.write("left.ipynb", [LOAD, f"%%trainingengineinstance\n{lines}", "%logs -f"])
    notebook = lab.open(page, "left.ipynb")
    notebook.run(0)
    expect(notebook.run(1)).to_contain_text("History URL: http://127.0.0.1:")
    page.close()
    lab.write("back.ipynb", [LOAD, "%logs -f"])
    other = page.context.new_page()
    notebook = lab.open(other, "back.ipynb")
    notebook.run(0)
    shown = notebook.run(1)
    expect(shown).to_contain_text("line 0\nline 1\n")
    expect(shown).to_contain_text("line 39")
    expect(shown).to_contain_text("Job Status: Finished")


def test_a_kernel_that_is_killed_leaves_the_job_and_the_next_finds_it(lab: Lab, page: Page) -> None:
    steps = "import time\nfor n in range(60):\n    print('step', n)\n    time.sleep(0.1)"
    cells = [LOAD, f"%%trainingengineinstance\n{steps}", "import os\nos._exit(1)", LOAD, "%logs -f"]
    lab.write("killed.ipynb", cells)
    notebook = lab.open(page, "killed.ipynb")
    notebook.run(0)
    notebook.run(1)
    notebook.run(2, done=False)
    page.get_by_role("dialog").get_by_role("button", name="Ok").click(timeout=60_000)
    notebook.wait_for_kernel()
    notebook.run(3, done=False)
    shown = notebook.run(4, done=False)
    expect(shown).to_contain_text("Job Status: Finished", timeout=60_000)
    expect(shown).to_contain_text("step 0\nstep 1\n")
    expect(shown).to_contain_text("step 59")


def test_an_engine_that_is_killed_is_waited_for_and_no_byte_is_lost(lab: Lab, page: Page) -> None:
    code = "import time\nfor n in range(80):\n    print(f'number {n:04d}')\n    time.sleep(0.1)"
    lab.write("engine.ipynb", [LOAD, f"%%trainingengineinstance\n{code}", "%logs -f"])
    notebook = lab.open(page, "engine.ipynb")
    notebook.run(0)
    notebook.run(1)
    shown = notebook.run(2, done=False)
    expect(shown).to_contain_text("number 0010")
    lab.home.kill(lab.home.member(TRAINING)["pid"])
    expect(shown).to_contain_text("Job Status: Finished", timeout=60_000)
    numbers = re.findall(r"^number (\d{4})$", shown.inner_text(), re.M)
    assert numbers == [f"{n:04d}" for n in range(80)]


def test_two_hundred_megabytes_of_log_do_not_freeze_the_page(lab: Lab, page: Page) -> None:
    code = "line = 'x' * 99\nfor n in range(2_000_000):\n    print(line)\nprint('the end')"
    lab.write("large.ipynb", [LOAD, f"%%trainingengineinstance --wait\n{code}", "%logs", "6 * 7"])
    notebook = lab.open(page, "large.ipynb")
    notebook.run(0)
    notebook.run(1, done=False)
    expect(notebook.output(1)).to_contain_text("Job Status: Finished", timeout=120_000)
    expect(notebook.output(1)).to_contain_text("the end")
    expect(notebook.run(2)).to_contain_text("the end")
    expect(notebook.run(3)).to_contain_text("42")
    shown = sum(len(notebook.output(number).inner_text()) for number in (1, 2))
    assert 10_000 < shown < 3_000_000


def test_the_stop_button_leaves_the_job_running_and_says_how_to_come_back(
    lab: Lab, page: Page
) -> None:
    code = "import time\nprint('begun')\ntime.sleep(60)"
    lab.write("stop.ipynb", [LOAD, f"%%trainingengineinstance\n{code}", "%logs -f", "%cancel"])
    notebook = lab.open(page, "stop.ipynb")
    notebook.run(0)
    notebook.run(1)
    shown = notebook.run(2, done=False)
    expect(shown).to_contain_text("begun")
    page.get_by_role("button", name="Interrupt the kernel").click()
    expect(shown).to_contain_text("still running: %logs -f")
    expect(shown).to_contain_text("WatchStopped")
    expect(notebook.run(3)).to_contain_text("Cancelled", timeout=60_000)
