"""The live card in a real kernel: an output that goes on changing while the kernel is free."""

import json
import re
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from kd_client.jobs.saved_reference import MIME
from kd_magics.cards import card_results
from tests.configmeta import configmeta
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.running_kernel import RunningKernel, printed
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance --name first-try\n"
EPOCHS = """import time
for epoch in range(1, 7):
    print(f"epoch {epoch}/6 loss={1 / epoch:.3f} <b>", flush=True)
    time.sleep(0.6)
"""
SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(60)"
WIDGET = "application/vnd.jupyter.widget-view+json"
SCRIPT = "application/javascript"
HTML = "text/html"


def displays(kernel: RunningKernel, request: str) -> dict[str, list[tuple[float, dict[str, Any]]]]:
    """Return what each display of a cell showed in its life, by its id."""
    found: dict[str, list[tuple[float, dict[str, Any]]]] = {}
    for at, message in kernel.messages:
        if message["msg_type"] not in ("display_data", "update_display_data"):
            continue
        name = message["content"]["transient"]["display_id"]
        if message["parent_header"].get("msg_id") == request or name in found:
            found.setdefault(name, []).append((at, message["content"]["data"]))
    return found


def card(kernel: RunningKernel, request: str) -> list[tuple[float, dict[str, Any]]]:
    """Return all states of a cell's card."""
    return next(iter(displays(kernel, request).values()), [])


def below(kernel: RunningKernel, request: str) -> list[dict[str, Any]]:
    """Return all states of the output below a cell's card."""
    return [data for _, data in list(displays(kernel, request).values())[1]]


def shows(kernel: RunningKernel, request: str, words: str) -> bool:
    """Tell whether the card's newest text has some words."""
    states = card(kernel, request)
    return bool(states) and words in states[-1][1]["text/plain"]


def test_a_card_lives_while_the_kernel_is_free(kernel: RunningKernel) -> None:
    request = kernel.send(CELL + EPOCHS)
    assert printed(kernel.finish(request)).startswith("History URL: http://")
    assert kernel.good("print(1 + 1)") == "2\n"  # at once, not after the job
    assert not shows(kernel, request, "Finished")
    kernel.read_until(lambda: shows(kernel, request, "Finished"))
    states = card(kernel, request)
    assert any(re.search(r"% \(epoch [1-5]/6\)", data["text/plain"]) for _, data in states)
    assert any("<svg" in data[HTML] for _, data in states)
    times = [at for at, _ in states]
    assert len(times) < 6 + (times[-1] - times[0])
    assert all(later - earlier > 0.6 for earlier, later in pairwise(times[2:]))
    last = states[-1][1]
    assert set(last) == {"text/plain", HTML, MIME}
    assert "epoch 6/6 loss=0.167 &lt;b&gt;" in last[HTML]
    assert last[MIME]["job"] == kernel_job(kernel)
    assert {k: last[MIME][k] for k in ("version", "cluster", "status", "notebook")} == {
        "version": 1,
        "cluster": CLUSTER,
        "status": "Finished",
        "notebook": "try.ipynb",
    }
    with pytest.raises(AssertionError):  # it has ended: nothing comes any more
        kernel.read_until(lambda: len(card(kernel, request)) > len(states), 2.5)


def kernel_job(kernel: RunningKernel) -> int:
    return int(kernel.good("print(_job.id)"))


def test_the_button_cancels_and_goes(kernel: RunningKernel, engine: RunningEngine) -> None:
    request = kernel.send(CELL + SLEEP)
    kernel.finish(request)
    kernel.read_until(lambda: WIDGET in below(kernel, request)[-1])
    shown = below(kernel, request)
    assert shown[0] == {"text/plain": ""}
    job = kernel_job(kernel)
    assert shown[-1]["text/plain"] == ""
    kernel.press(shown[-1][WIDGET]["model_id"])
    kernel.read_until(lambda: shows(kernel, request, "Cancelled"))
    kernel.read_until(lambda: below(kernel, request)[-1] == {"text/plain": ""})
    assert engine.get(f"/jobs/{job}")["status"] == "Cancelled"


@pytest.mark.slow
def test_a_card_says_that_the_engine_is_away_and_goes_on(
    kernel: RunningKernel, engine: RunningEngine
) -> None:
    request = kernel.send(CELL + "import time\ntime.sleep(8)\nprint('after')")
    kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, request, "Running"))
    engine.stop(signal.SIGKILL)
    kernel.read_until(lambda: shows(kernel, request, "does not answer since"))
    assert "Running" in card(kernel, request)[-1][1]["text/plain"]
    engine.start()
    kernel.read_until(lambda: shows(kernel, request, "Finished"), 60)
    assert "after" in card(kernel, request)[-1][1][HTML]
    assert not shows(kernel, request, "does not answer")


@pytest.mark.slow
def test_a_long_job_is_told_to_the_browser_once(kernel: RunningKernel) -> None:
    kernel.good("%config KdMagics.notify_after_s = 0.5")
    request = kernel.send(CELL.replace("first-try", "'</script>\"'") + "import time\ntime.sleep(1)")
    kernel.finish(request)
    kernel.read_until(lambda: SCRIPT in below(kernel, request)[-1])
    script = below(kernel, request)[-1][SCRIPT]
    assert "Finished after" in script
    assert "<" not in script
    kernel.read_until(lambda: below(kernel, request)[-1] == {"text/plain": ""})
    assert sum(SCRIPT in data for data in below(kernel, request)) == 1
    quick = kernel.send("%config KdMagics.notify_after_s = 60.0")
    kernel.finish(quick)
    request = kernel.send(CELL + "print(1)")
    kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, request, "Finished"))
    assert not any(SCRIPT in data for data in below(kernel, request))


def test_a_card_ends_where_its_job_is_not_there_any_more(
    kernel: RunningKernel, engine: RunningEngine
) -> None:
    request = kernel.send(CELL + "import time\ntime.sleep(4)")
    kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, request, "Running"))
    folder = engine.job_folder(kernel_job(kernel))
    (folder / "job.json").rename(folder / "away.json")
    kernel.read_until(lambda: shows(kernel, request, "shows the job as it is."))
    assert shows(kernel, request, f"job {kernel_job(kernel)}")
    (folder / "away.json").rename(folder / "job.json")


@pytest.mark.slow
def test_of_many_cards_the_oldest_are_left_as_they_are(kernel: RunningKernel) -> None:
    kernel.good("import kd_magics.cards.card_thread; kd_magics.cards.card_thread.MOST_LIVE = 2")
    requests = [kernel.send(CELL + "import time\ntime.sleep(3)") for _ in range(3)]
    for request in requests:
        kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, requests[2], "Finished"), 60)
    assert shows(kernel, requests[0], "This card is not updated any more. %logs")
    assert not shows(kernel, requests[0], "Finished")
    threads = kernel.good("import threading; print([t.name for t in threading.enumerate()])")
    assert threads.count("kd-card") <= 1


@pytest.mark.slow
def test_a_cell_that_captures_captures_no_card_of_another(kernel: RunningKernel) -> None:
    request = kernel.send(CELL + EPOCHS)
    kernel.finish(request)
    kernel.good("%%capture found\nimport time\ntime.sleep(2)")
    assert kernel.good("print(len(found.outputs))") == "0\n"
    kernel.read_until(lambda: shows(kernel, request, "Finished"))


def test_unloading_leaves_the_cards_as_they_are(kernel: RunningKernel) -> None:
    request = kernel.send(CELL + SLEEP)
    kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, request, "Running"))
    kernel.good("%unload_ext kd_magics")
    kernel.read_until(lambda: shows(kernel, request, "not updated any more"))


def test_a_kernel_that_is_shut_down_says_so_on_its_cards_and_takes_the_button_away(
    kernel: RunningKernel, engine: RunningEngine
) -> None:
    request = kernel.send(CELL + SLEEP)
    kernel.finish(request)
    kernel.read_until(lambda: WIDGET in below(kernel, request)[-1])
    job = kernel_job(kernel)
    kernel.shut_down()
    kernel.read_until(lambda: shows(kernel, request, "The kernel that kept this card current has"))
    kernel.read_until(lambda: below(kernel, request)[-1] == {"text/plain": ""})
    assert re.search(r"as of \d\d:\d\d on \d{4}-", card(kernel, request)[-1][1]["text/plain"])
    engine.call("POST", f"/jobs/{job}/cancel")


def test_with_wait_there_is_the_log_and_no_card(kernel: RunningKernel) -> None:
    request = kernel.send("%%trainingengineinstance --wait\nprint('x')")
    assert printed(kernel.finish(request)).endswith("x\nJob Status: Finished\n")
    assert not displays(kernel, request)


def test_a_terminal_has_no_card(notebook: Notebook) -> None:
    shown = notebook.good(CELL + "print(1)")
    assert shown.outputs == []
    assert notebook.shell.user_ns["_job"].wait(20).status == "Finished"


@pytest.mark.slow
def test_a_saved_notebook_keeps_a_readable_card_and_no_button(
    surroundings: Path, engine: RunningEngine
) -> None:
    path = surroundings / "configmeta.json"
    path.write_text(json.dumps(configmeta(clusters={CLUSTER: [(engine.url, TOKEN)]})))
    cells = ["%load_ext kd_magics", CELL + "print('in the log')", "import time; time.sleep(3)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, timeout=60).execute()
    nbformat.validate(notebook)
    outputs = notebook.cells[1].outputs
    kinds = [output.output_type for output in outputs]
    assert kinds == ["stream", *["display_data"] * (1 + card_results.MOST)]
    assert all(output.data == {"text/plain": ""} for output in outputs[2:])
    assert "Finished" in outputs[1].data["text/plain"]
    assert "in the log" in outputs[1].data["text/html"]
    saved = nbformat.writes(notebook)
    assert TOKEN not in saved
    assert "script>" not in saved
