"""Signals stop what they are to stop, at whatever moment they come."""

import subprocess
import sys

import pytest

# A signal every 50 µs or so, to a main thread that waits, is woken and waits again.
WAITS_AGAIN_AND_AGAIN = """
import os, signal, subprocess, sys, threading, time
from kd_engines.members.stop_signals import on_signals
event, came = threading.Event(), []
def stop():
    came.append(1)
    event.set()
on_signals(stop, signal.SIGTERM)
send = f"import os, time\\nwhile os.getppid() == {os.getpid()}: "
send += f"os.kill({os.getpid()}, 15); time.sleep(5e-5)"
sender = subprocess.Popen([sys.executable, "-c", send])
until = time.monotonic() + 2
while time.monotonic() < until:
    event.wait(1e-5)
    event.clear()
sender.kill()
assert len(came) > 100, len(came)
print("not stuck")
"""


@pytest.mark.timeout(60)
def test_a_signal_that_comes_while_the_event_is_waited_for_blocks_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WAITS_AGAIN_AND_AGAIN],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == "not stuck\n", done.stderr


def test_a_stop_that_fails_leaves_the_next_signal_heard() -> None:
    code = (
        "import os, signal, threading\n"
        "from kd_engines.members.stop_signals import on_signals\n"
        "came, done = [], threading.Event()\n"
        "def stop():\n"
        "    came.append(1)\n"
        "    if len(came) == 1:\n        raise RuntimeError('not now')\n"
        "    done.set()\n"
        "on_signals(stop, signal.SIGTERM)\n"
        "for _ in range(2): os.kill(os.getpid(), signal.SIGTERM)\n"
        "assert done.wait(10)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=True)
    assert b"RuntimeError: not now" in done.stderr
