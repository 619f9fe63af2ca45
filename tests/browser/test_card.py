"""The live card below a cell that sent a job, as a data scientist sees and uses it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running_lab import Lab
from tests.browser.sidebar import screenshot

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LOAD = "%load_ext kd_magics"
TRAIN = """%%trainingengineinstance --name first-try
import time
for epoch in range(1, 41):
    print(f"epoch {epoch}/40 loss={1 / epoch:.3f}")
    time.sleep(0.1)
"""

SHOWS = """%%trainingengineinstance
import matplotlib.pyplot as plt, pandas
plt.plot([1, 4, 2])
plt.show()
pandas.DataFrame({"borough": ["Queens"], "miles": [1.5]})
"""


def test_the_card_lives_while_other_cells_run_and_stays_when_it_has_ended(
    lab: Lab, page: Page
) -> None:
    lab.write("card.ipynb", [LOAD, TRAIN, "6 * 7"])
    notebook = lab.open(page, "card.ipynb")
    notebook.run(0)
    shown = notebook.run(1)
    expect(notebook.run(2)).to_contain_text("42")
    expect(shown).to_contain_text("Running")
    expect(shown).to_contain_text(re.compile(r"epoch \d+/40"))
    expect(shown.get_by_role("button", name="Cancel…")).to_be_visible()
    expect(shown).to_contain_text("Finished", timeout=60_000)
    expect(shown).to_contain_text("loss")
    expect(shown.get_by_role("button", name="Cancel…")).not_to_be_visible()

    def ended() -> list[Any]:
        """The sidebar shows the end, of which the kernel tells a moment later."""
        page.wait_for_timeout(2_000)
        notebook.save()
        saved = [output for output in lab.saved("card.ipynb").cells[1].outputs if "data" in output]
        reference = saved[0].data["application/vnd.kd-magics.job+json"]
        assert reference["cluster"] == "training-engine-instance"
        return saved if reference["status"] == "Finished" else []

    saved = ended() or ended()
    assert "Finished" in saved[0].data["text/plain"]
    assert lab.token not in str(saved)


@pytest.mark.parametrize("live", [True, False])
def test_plots_and_tables_come_back_once(lab: Lab, page: Page, live: bool) -> None:
    """Without the extension's live cells the kernel shows them below the card."""
    lab.set("kd-magics", "live-cells", live=live)
    page.set_viewport_size({"width": 1100, "height": 900})
    name = f"results-{live}.ipynb"
    lab.write(name, [LOAD, SHOWS, "'later'"])
    notebook = lab.open(page, name)
    notebook.run(0)
    shown = notebook.run(1)
    expect(notebook.run(2)).to_contain_text("later")
    expect(shown.get_by_role("table").filter(visible=True)).to_contain_text(
        "Queens", timeout=60_000
    )
    page.wait_for_timeout(3_000)  # both would have come by then
    assert shown.get_by_role("table").filter(visible=True).count() == 1
    assert shown.get_by_role("img").filter(visible=True).count() == 1
    screenshot(page, f"results-{'live' if live else 'kernel'}")
    lab.set("kd-magics", "live-cells", live=True)


def test_the_cancel_button_cancels(lab: Lab, page: Page) -> None:
    lab.write("cancel.ipynb", [LOAD, TRAIN.replace("0.1", "1")])
    notebook = lab.open(page, "cancel.ipynb")
    notebook.run(0)
    shown = notebook.run(1)
    shown.get_by_role("button", name="Cancel…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(shown).to_contain_text("Cancelled", timeout=60_000)


def test_a_saved_card_reads_well_without_a_kernel(lab: Lab, page: Page) -> None:
    lab.write("saved.ipynb", [LOAD, TRAIN.replace("0.1", "0.01")])
    notebook = lab.open(page, "saved.ipynb")
    notebook.run(0)
    expect(notebook.run(1)).to_contain_text("Finished", timeout=60_000)
    notebook.save()
    page.close()
    other = page.context.new_page()
    other.goto(f"{lab.url}/lab/tree/saved.ipynb?reset&token={lab.token}")
    output = other.get_by_role("feed", name="Cells").locator(".jp-Cell-outputArea").nth(1)
    expect(output).to_contain_text("Finished", timeout=60_000)
    expect(output).to_contain_text("loss")


def test_where_the_kernel_is_gone_there_is_no_dead_button(lab: Lab, page: Page) -> None:
    lab.write("dead.ipynb", [LOAD, TRAIN.replace("0.1", "2")])
    notebook = lab.open(page, "dead.ipynb")
    notebook.run(0)
    notebook.run(1)
    page.wait_for_timeout(3_000)  # the kernel's own button comes after its first look
    notebook.save()
    page.close()
    lab.end_kernels()
    assert any(
        "application/vnd.jupyter.widget-view+json" in output.get("data", {})
        for output in lab.saved("dead.ipynb").cells[1].outputs
    )
    other = page.context.new_page()
    other.goto(f"{lab.url}/lab/tree/dead.ipynb?reset&token={lab.token}")
    output = other.get_by_role("feed", name="Cells").locator(".jp-Cell-outputArea").nth(1)
    expect(output).to_contain_text("Running", timeout=60_000)
    expect(output.get_by_text("model not found")).to_have_count(1, timeout=60_000)
    expect(output.get_by_text("model not found")).not_to_be_visible()
    output.get_by_role("button", name="Cancel…").click()
    other.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(output).to_contain_text("Cancelled", timeout=60_000)


def test_the_browser_tells_of_a_long_job_when_it_has_ended(lab: Lab, page: Page) -> None:
    page.context.grant_permissions(["notifications"])
    page.add_init_script(
        "window.told = []; const Real = Notification;"
        "window.Notification = function (title, options) { window.told.push(options.body); };"
        "Object.defineProperty(window.Notification, 'permission', {get: () => Real.permission});"
    )
    lab.write("told.ipynb", [f"{LOAD}\n%config KdMagics.notify_after_s = 2", TRAIN])
    notebook = lab.open(page, "told.ipynb")
    notebook.run(0)
    expect(notebook.run(1)).to_contain_text("Finished", timeout=60_000)
    page.wait_for_function("window.told.length > 0")
    (body,) = page.evaluate("window.told")
    assert re.match(r"Job \d+ 'first-try' on training-engine-instance: Finished after \d", body)
    # The script is taken out again as soon as it has run.
    expect(notebook.output(1).locator(".jp-RenderedJavaScript")).to_have_count(0)
    notebook.save()
    assert "Notification" not in str(lab.saved("told.ipynb"))
