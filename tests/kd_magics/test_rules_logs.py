"""The design rules of logs, interrupts and cards, each as its sentence says it.

Rule 3 (through a balancer, a move and a new token) is in test_watch, byte by byte.
"""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from kd_magics.settings import KdMagics
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_magics.running_kernel import RunningKernel, printed

CELL = "%%trainingengineinstance\n"
WAIT = "%%trainingengineinstance --wait\n"
SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(60)"
WIDGET = "application/vnd.jupyter.widget-view+json"


def errors(messages: list[dict[str, Any]]) -> list[str]:
    """Return the names of the errors among a cell's messages."""
    return [m["content"]["ename"] for m in messages if m["msg_type"] == "error"]


def test_rule_03_a_log_is_shown_from_the_engine_not_from_the_kernel(
    kernel: RunningKernel, engine: RunningEngine
) -> None:
    code = "import time\nfor n in range(30):\n    print(n)\n    time.sleep(0.1)"
    kernel.good(CELL + code)
    kernel.kill()
    kernel.start()
    whole = "".join(f"{n}\n" for n in range(30))
    assert kernel.good("%logs -f") == f"Job Status: Running\n{whole}Job Status: Finished\n"
    assert kernel.good("%logs") == f"Job Status: Finished\n{whole}"


@pytest.mark.slow
def test_rule_04_the_first_press_detaches_the_second_cancels(
    kernel: RunningKernel, engine: RunningEngine
) -> None:
    for magic in (WAIT + SLEEP, "%logs -f"):
        follows = kernel.send(magic)
        kernel.read_until(lambda cell=follows: "begun" in printed(kernel.of(cell)))
        kernel.interrupt()
        found = kernel.finish(follows)
        assert errors(found) == ["WatchStopped"]
        job = int(kernel.good("print(_job.id)"))
        assert f"still running: %logs -f {job} · stop: %cancel {job}\n" in printed(found)
        assert engine.get(f"/jobs/{job}")["status"] == "Running"
    follows = kernel.send("%logs -f")
    kernel.read_until(lambda: "begun" in printed(kernel.of(follows)))
    kernel.interrupt()
    kernel.read_until(lambda: "Interrupt again within 3 seconds" in printed(kernel.of(follows)))
    kernel.interrupt()
    found = kernel.finish(follows)
    assert errors(found) == ["RemoteJobError"]
    assert printed(found).endswith("Job Status: Cancelled\n")
    assert engine.get(f"/jobs/{job}")["status"] == "Cancelled"


@pytest.mark.slow
def test_rule_07_a_bar_is_redrawn_at_most_five_times_a_second(kernel: RunningKernel) -> None:
    bar = "import time\nfor n in range(300):\n    print(f'\\r{n:3}%', end='')\n    time.sleep(0.01)"
    follows = kernel.send(WAIT + bar)
    kernel.finish(follows)
    times = [
        at
        for at, message in kernel.messages
        if message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == follows
    ]
    a_second = Counter(int(at - times[0]) for at in times)
    assert max(a_second.values()) <= 7  # five, and the lines before and after
    assert len(times) >= 5
    assert printed(kernel.of(follows)).endswith("\r299%\nJob Status: Finished\n")


def test_rule_07_colours_are_kept_and_of_the_past_the_last_thousand_lines(
    kernel: RunningKernel, engine: RunningEngine
) -> None:
    code = "print('a' + '\\b' * 3 + 'b\\x07')\nfor n in range(2000): print(f'\\x1b[32m{n}\\x1b[0m')"
    job, _ = engine.run(code)
    lines = kernel.good(f"%logs {job['id']}").splitlines()
    assert lines[0] == "Job Status: Finished"
    assert lines[1].startswith("[1,001 earlier lines (")
    assert lines[2:] == [f"\x1b[32m{n}\x1b[0m" for n in range(1000, 2000)]
    assert kernel.good(f"%logs {job['id']} --tail 5000").splitlines()[1] == "b"


def test_rule_07_no_more_is_poured_than_a_server_lets_through(kernel: RunningKernel) -> None:
    flood = "for n in range(400_000): print('line', n)"
    follows = kernel.send(WAIT + flood)
    found = kernel.finish(follows)
    shown = printed(found)
    assert len(shown) <= KdMagics().most_shown_bytes + 1000
    assert "are left out here" in shown
    assert shown.endswith("line 399999\nJob Status: Finished\n")
    sizes = [
        (at, len(message["content"]["text"]))
        for at, message in kernel.messages
        if message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == follows
    ]
    within = [sum(size for at, size in sizes if begin <= at < begin + 3) for begin, _ in sizes]
    assert max(within) <= 3_000_000


def test_rule_16_whatever_is_shown_has_a_text(kernel: RunningKernel) -> None:
    code = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\n"
        "class Html:\n    def _repr_html_(self): return '<b>h</b>'\n"
        "display(Html())"
    )
    request = kernel.send(CELL + code)
    kernel.finish(request)
    kernel.read_until(lambda: any("Finished" in text for text in texts(kernel)))
    kernel.good("%logs -f")
    kernel.good(CELL + SLEEP)
    kernel.read_until(lambda: any(WIDGET in data for data in bundles(kernel)))
    kernel.good("_ = _job.cancel()")
    assert all("text/plain" in data for data in bundles(kernel))
    assert any("image/png" in data for data in bundles(kernel))
    assert not [data for data in bundles(kernel) if set(data) == {WIDGET}]


def bundles(kernel: RunningKernel) -> list[dict[str, Any]]:
    """Return all MIME bundles that the kernel has shown."""
    kinds = ("display_data", "update_display_data", "execute_result")
    return [m["content"]["data"] for _, m in kernel.messages if m["msg_type"] in kinds]


def texts(kernel: RunningKernel) -> list[str]:
    """Return the texts of all that the kernel has shown, the newest last."""
    return [data["text/plain"] for data in bundles(kernel)] or [""]


@pytest.mark.slow
def test_rule_18_the_browser_tells_of_long_jobs_only(kernel: RunningKernel) -> None:
    script = "application/javascript"
    kernel.good("%config KdMagics.notify_after_s = 2.0")
    kernel.good(CELL + "print('short')")
    kernel.good(CELL + "import time\ntime.sleep(2.5)")
    kernel.read_until(lambda: any(script in data for data in bundles(kernel)))
    scripts = [data[script] for data in bundles(kernel) if script in data]
    assert len(scripts) == 1
    job = int(kernel.good("print(_job.id)"))
    assert f"Job {job} on training-engine-instance: Finished after 2." in scripts[0]
    kernel.read_until(lambda: bundles(kernel)[-1] == {"text/plain": ""})


@pytest.mark.slow
def test_rule_03_a_card_is_current_again_after_the_engine_was_away(
    kernel: RunningKernel, engine: RunningEngine
) -> None:
    kernel.good(CELL + "import time\ntime.sleep(6)")
    eventually(lambda: engine.get("/jobs?status=Running")["jobs"])
    engine.stop()
    kernel.read_until(lambda: "does not answer since" in texts(kernel)[-1])
    engine.start()
    kernel.read_until(lambda: any("Finished" in text for text in texts(kernel)))
    states = [text.partition(": ")[2].partition(",")[0] for text in texts(kernel) if text]
    assert [b for a, b in pairwise(["", *states]) if a != b][-1] == "Finished"
