"""A runner and a job's process that are there before their job is."""

import json
import os
import signal
import socket

from kd_engines.members.processes import adopt_orphans, end_with_parent, live_on
from kd_engines.training import processes
from kd_engines.training.runner import holder, job_end, runner, usage  # noqa: F401 - in advance
from kd_engines.training.runner.runner import Orders
from kd_engines.training.warm.forks import Forks, Order
from kd_engines.training.warm.shown_as import resident_bytes, show_as

LONGEST = 1 << 20  # bytes of an order
TAKEN = b"t"
RUNNER = "kd: the runner of a job"
FIRST_ARGUMENT = 4  # python -c code path_of_packages
WARM, COLD = b"w", b"c"


def make(link: socket.socket, forks: Forks) -> tuple[int, list[str] | None]:
    """Fork a spare that waits at ``link`` for an order.

    In the parent, return a descriptor that tells when the order has come, and None. In the process
    of a job, -1 and the arguments of `child.main`. In the runner it does not return.
    """
    told, tell = os.pipe()
    parent = os.getpid()
    if os.fork():
        os.close(tell)
        return told, None
    try:
        os.close(told)
        processes.hold_stops()
        end_with_parent(parent)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        adopt_orphans()
        gate_out, gate_in = os.pipe()
        child = os.fork()
    except BaseException:
        os._exit(1)
    if child:
        os.close(gate_out)
        _run(link, tell, child, gate_in, forks)
    for descriptor in (gate_in, tell, link.detach()):
        os.close(descriptor)
    return -1, _become_job(gate_out, forks)


def _run(link: socket.socket, tell: int, child: int, gate: int, forks: Forks) -> None:
    """In the runner: wait for an order, and run its job; never returns."""
    status = 1
    try:
        message, (notify, *_), _, _ = socket.recv_fds(link, LONGEST, 1)
        live_on()
        forks.show_all()
        os.write(tell, TAKEN)
        os.close(tell)
        os.setsid()
        order: Order = json.loads(message)
        os.chdir(order["root"])
        show_as([RUNNER, order["folder"]], order["environment"])
        is_warm = forks.fits(order)
        link.close()
        timeout_s, grace_s, memory_bytes = order["limits"]
        orders = Orders(order["folder"], notify, timeout_s, grace_s, memory_bytes, order["gpus"])
        word = (WARM if is_warm else COLD) + message
        shared = resident_bytes() - forks.own_bytes if is_warm else 0
        status = runner.run(orders, child, gate, word, shared, adopts=True)
    finally:  # nothing of the parent's own end is for a runner
        os._exit(status)


def _become_job(gate: int, forks: Forks) -> list[str]:
    """In the job's process: wait until it is claimed, and return what it is called with."""
    parts = []
    while part := os.read(gate, LONGEST):
        parts.append(part)
    if not parts:  # there is no job for it
        os._exit(0)
    os.close(gate)
    word = b"".join(parts)
    order: Order = json.loads(word[1:])

    def begin() -> None:
        command, environment = order["command"], order["environment"]
        os.chdir(order["root"])  # which may have been mounted again since the fork
        if word[:1] == COLD:
            os.execve(command[0], command, environment)  # noqa: S606 - no shell is wanted
        show_as(command, environment)
        forks.be_new(command, environment)

    runner.become_job(order["folder"], begin)
    arguments: list[str] = order["command"][FIRST_ARGUMENT:]
    return arguments
