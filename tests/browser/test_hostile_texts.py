"""Texts and outputs of jobs, models and scripts that are made to run in the page: none does."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running_lab import Lab
from tests.browser.sidebar import LIGHT, Sidebar, run_command, screenshot
from tests.browser.test_live_cells import saved, without_kernel, write_jobs
from tests.browser.trained_model import register, serve
from tests.kd_engines.local.running_home import DEPLOYMENT, TRAINING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
WAITS_MS = 60_000
RUN = "window.kdRan=(window.kdRan||[]).concat"
PAYLOADS = [
    f"<img src=x onerror=\"{RUN}('img')\">",
    f"<script>{RUN}('script')</script>",
    f"<svg onload=\"{RUN}('svg')\"></svg>",
    f"<svg><animate onbegin=\"{RUN}('animate')\" attributeName=x dur=1s></svg>",
    f'"><iframe srcdoc="<script>parent.{RUN}(1)</script>"></iframe>',
    f"<a href=\"javascript:{RUN}('link')\">click</a>",
    f"<details open ontoggle=\"{RUN}('toggle')\">x</details>",
    f"<form><button formaction=\"javascript:{RUN}('form')\">x</button></form>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1"
    f" onerror={RUN}(1)&gt;'>",
    f"javascript:{RUN}('bare')",
    f"[click](javascript:{RUN}('markdown'))",
    f"$\\href{{javascript:{RUN}('latex')}}{{click}}$",
    f"\x1b]8;;javascript:{RUN}('ansi')\x07click\x1b]8;;\x07",
    "{{constructor.constructor('window.kdRan=[1]')()}}",
]
TYPES = [
    *("text/html", "text/markdown", "text/latex", "image/svg+xml", "application/javascript"),
    *("text/plain", "application/vnd.mathjax+latex", "text/vnd.mermaid"),
]
CODE = f"""
import json
from IPython.display import display
payloads = {PAYLOADS!r}
for payload in payloads:
    print(payload)
    print("epoch 1/2 " + payload.split()[0][:30] + "=0.5")
print("\\x1b[31m" + payloads[0] + "\\x1b[0m")
for kind in {TYPES!r}:
    for payload in payloads:
        svg = '<svg xmlns="http://www.w3.org/2000/svg">' + payload + "</svg>"
        display({{kind: svg if kind.startswith("image") else payload}}, raw=True)
display({{"application/json": {{payloads[0]: payloads[1]}}, "text/plain": payloads[2]}}, raw=True)
hostile = payloads[0]
raise ValueError(" ".join(payloads))
"""
SCRIPT = f"""
PAYLOADS = {PAYLOADS!r}
def load(path):
    if open(path).read() == "2":
        raise RuntimeError(" ".join(PAYLOADS))
def predict(model, args):
    print(*PAYLOADS, sep="\\n")
    if "fail" in args:
        raise ValueError(" ".join(PAYLOADS))
    return PAYLOADS
"""


@pytest.fixture(scope="module")
def jobs(whole_lab: Lab) -> list[int]:
    """Run jobs whose name, user, params, log, outputs, metrics and error are hostile."""
    found = []
    for number, payload in enumerate(PAYLOADS[:2]):
        job = {
            **{"code": CODE, "name": payload[:200], "user": payload[:60]},
            **{"params": {"lr": number, "text": payload}},
            "origin": {"notebook": f"{payload}.ipynb", "cell_id": payload, "file": payload},
        }
        found.append(whole_lab.home.call("POST", "/jobs", job)["id"])
    for job_id in found:
        whole_lab.home.call("GET", f"/jobs/{job_id}?wait=30&known=Queued")
        whole_lab.home.call("GET", f"/jobs/{job_id}?wait=30&known=Running")
    return found


def check(page: Page) -> None:
    """See that nothing of the texts has run, or would if it were clicked."""
    part = page.locator("#main, .jp-Dialog, .Toastify")
    page.wait_for_timeout(300)  # an image that cannot be loaded tells so a moment later
    assert page.evaluate("window.kdRan") is None
    for hostile in ("a[href^='javascript' i]", "iframe[srcdoc]", "[onerror], [onload], [ontoggle]"):
        expect(part.locator(hostile)).to_have_count(0)
    expect(part.locator("script, [formaction]")).to_have_count(0)


def open_lab(lab: Lab, page: Page) -> Sidebar:
    """Open JupyterLab with the sidebar."""
    lab.set_theme(LIGHT)
    lab.visit(page)
    return Sidebar(page).open()


def test_jobs_in_list_tab_and_comparison(whole_lab: Lab, page: Page, jobs: list[int]) -> None:
    sidebar = open_lab(whole_lab, page)
    row = sidebar.row("Jobs", f"{TRAINING}/{jobs[0]}")
    expect(row).to_contain_text("Failed")
    expect(row).to_contain_text("<img src=x")
    check(page)
    row.get_by_role("button", name="<img src=x").click()
    tab = page.locator(".kd-JobTab:visible")
    expect(tab.get_by_role("region", name="Log")).to_contain_text("<script>", timeout=WAITS_MS)
    expect(tab.locator(".kd-JobFailure")).to_contain_text("<svg onload")
    for details in tab.locator("summary").all():
        details.click()
    screenshot(page, "hostile-job")
    check(page)
    for job in jobs:
        sidebar.section("Jobs").get_by_role(
            "checkbox", name=f"Choose job {TRAINING}/{job}", exact=True
        ).check()
    run_command(page, "Compare Jobs…")
    expect(page.locator(".kd-Comparison:visible")).to_contain_text("<script>")
    check(page)


def test_jobs_in_cells(whole_lab: Lab, page: Page, jobs: list[int]) -> None:
    payload = PAYLOADS[0]
    bundle: dict[str, Any] = saved(jobs[0])
    for data in bundle.values():
        if isinstance(data, dict):
            data |= {"name": payload, "notebook": payload, "cell": payload, "as_of": payload}
    grid = {"version": 1, "jobs": [f"{TRAINING}/{job}" for job in jobs], "as_of": payload}
    unknown = {"version": 1, "cluster": payload, "job": 1, "name": payload, "status": payload}
    mime, many = "application/vnd.kd-magics.job+json", "application/vnd.kd-magics.jobs+json"
    write_jobs(
        whole_lab,
        "hostile.ipynb",
        [bundle, {many: grid}, {mime: unknown}, {many: {"version": 1, "jobs": [payload]}}],
    )
    whole_lab.set_theme(LIGHT)
    cells = without_kernel(page, whole_lab, "hostile.ipynb")
    expect(cells.first).to_contain_text("Failed", timeout=WAITS_MS)
    expect(cells.first.locator(".kd-LiveCell-output").first).to_be_attached()
    expect(cells.nth(1).get_by_role("table", name="2 jobs")).to_contain_text("<img src=x")
    expect(cells.nth(2)).to_contain_text("<img src=x")
    screenshot(page, "hostile-cells")
    check(page)


def test_models_deployments_and_predictions(whole_lab: Lab, page: Page) -> None:
    example = json.dumps({PAYLOADS[0]: PAYLOADS[1]})
    for version in ("1", "2"):
        register(whole_lab, "hostile", version, SCRIPT, example=example, description=PAYLOADS[0])
    serve(whole_lab, "hostile/1")
    whole_lab.home.kd("deploy", "hostile/2", "--timeout", "5")
    sidebar = open_lab(whole_lab, page).only("Models", "Deployments")
    failed = sidebar.section("Deployments").locator('[data-kd-model="hostile/2"]')
    expect(failed).to_contain_text("<img src=x", timeout=WAITS_MS)
    check(page)
    sidebar.row("Models", "hostile/1").get_by_role("button", name="hostile/1", exact=True).click()
    expect(page.locator(".kd-ModelTab:visible")).to_contain_text("<img src=x")
    check(page)
    there = sidebar.section("Deployments").locator('[data-kd-model="hostile/1"]')
    there.get_by_role("button", name=f"Try hostile/1 on {DEPLOYMENT}").click()
    tab = page.locator(".kd-TryTab:visible")
    tab.get_by_role("button", name="Predict").click()
    answer = tab.get_by_role("region", name="Answer of hostile/1")
    expect(answer.get_by_label("Result")).to_contain_text("<script>")
    check(page)
    tab.get_by_role("button", name="Edit as JSON").click()
    tab.get_by_label("Arguments (JSON)").fill('{"fail": 1}')
    tab.get_by_role("button", name="Predict").click()
    expect(answer.get_by_role("alert")).to_contain_text("<img src=x")
    screenshot(page, "hostile-try")
    check(page)
