"""A data scientist's own project, in a kernel that `kd up` did not start."""

import pytest

from tests.kd_client.jobs.test_job import PIPELINE
from tests.kd_magics.cards.test_card import HTML, card, shows
from tests.kd_magics.running_kernel import RunningKernel

pytestmark = pytest.mark.slow
CELL = "%%trainingengineinstance"
EPOCHS = """
for epoch in range(1, 201):
    print(f"epoch {epoch}/200 - loss: {1 / epoch:.4f} - val_loss: {1.1 / epoch:.4f}")
"""
THREAD = """
import threading
def load(path):
    open(path)
thread = threading.Thread(target=load, args=("data/none.csv",), name="loader")
thread.start()
"""
MEMORY = """
import time
rows = bytearray(400_000_000)
rows[::4096] = b"x" * len(rows[::4096])
time.sleep(30)
"""
FAILS = {
    "row = {'tenure': 3}\nrow['tenur']": ("Failed", "KeyError: 'tenur' (line 3)."),
    THREAD: ("Finished", "Thread loader failed: FileNotFoundError: "),
    "name = input('Which borough?')": ("Failed", "send the value with --param NAME=VALUE"),
    MEMORY: ("Out of memory", "its limit is 200 MiB (--memory)."),
}


def test_a_pipeline_and_a_table_come_back(kernel: RunningKernel) -> None:
    kernel.good(f"{CELL} --wait --pickle --out model,rides\n{PIPELINE}")
    said = kernel.good("print([round(n) for n in model.predict(rides)], type(rides).__name__)")
    assert said == "[0, 3, 6, 9, 12, 15] DataFrame\n"


def test_two_hundred_epochs_have_their_curves(kernel: RunningKernel) -> None:
    request = kernel.send(f"{CELL}\n{EPOCHS}")
    kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, request, "Finished"), 60)
    last = card(kernel, request)[-1][1]
    assert last[HTML].count("<svg") == 2
    assert "val_loss went from 1.1 to 0.0055" in last[HTML]
    said = kernel.good("print({n: len(points) for n, points in _job.curves().metrics.items()})")
    assert said == "{'loss': 200, 'val_loss': 200}\n"


@pytest.mark.parametrize("code", FAILS)
def test_the_card_and_the_list_say_what_went_wrong(kernel: RunningKernel, code: str) -> None:
    status, reason = FAILS[code]
    request = kernel.send(f"{CELL} --memory 200m\n{code}")
    kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, request, status), 60)
    last = card(kernel, request)[-1][1]
    assert reason in last["text/plain"]
    listed = kernel.run("%jobs --limit 1")
    # The card's widget goes on beside it: what it sends has the request of the cell at work.
    [table] = [m["content"]["data"] for m in listed if m["msg_type"] == "execute_result"]
    text = table["text/plain"]
    assert reason.rstrip(".") in text
