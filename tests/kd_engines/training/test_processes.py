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


def test_a_job_s_process_is_found_by_its_environment_whoever_its_parent_is() -> None:
    code = "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(60)"
    environment = {**os.environ, "KD_JOB_DIR": "/jobs/7"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    (escaped,) = processes.of_job("/jobs/7")
    assert processes.of_job("/jobs/77") == processes.of_job("/jobs") == []
    assert escaped not in processes.descendants(os.getpid())
    processes.send([escaped], 9)
    while processes.of_job("/jobs/7"):
        continue
