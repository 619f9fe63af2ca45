"""Processes are told apart by pid and start time."""

import os
import subprocess
import sys

from kd_engines.training import processes


def test_a_process_is_alive_under_its_own_start_time_only() -> None:
    started = processes.start_time(os.getpid())
    assert processes.is_alive(os.getpid(), started)
    assert not processes.is_alive(os.getpid(), "1")
    assert not processes.is_alive(os.getpid(), "")


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()  # closed by its end
    while processes.start_time(child.pid):
        pass
    assert child.returncode is None
    child.wait()
    child.stdout.close()


def test_descendants_are_found_however_deep() -> None:
    script = "sleep 30 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        grandchild = int(shell.stdout.readline())
        found = processes.descendants(os.getpid())
        assert {shell.pid, grandchild} <= set(found)
        assert found.index(shell.pid) < found.index(grandchild)
        processes.send([grandchild], 9)


def test_a_signal_to_nobody_is_no_error() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    processes.send([child.pid], 15)


def test_this_boot_and_node_have_names() -> None:
    assert processes.boot_id() == processes.boot_id() != ""
    assert processes.node_name()
