"""One run of a script of 2020: its pipes, what came through them, and what its answer is."""

import contextlib
import os
import signal
import time
from dataclasses import dataclass, field

import msgspec

from kd_engines.deployment.results import not_in_time
from kd_engines.deployment.wire import Answer, Ask
from kd_engines.deployment.worker.loading import advice_for
from kd_engines.exit_codes import ended_with

LARGEST_OUTPUT_BYTES = 1024 * 1024
LOG_BYTES = 8 * 1024  # of what it wrote to standard error, the end
READ_BYTES = 1 << 16
# What can be in a pipe whose writer has ended; another one may go on writing.
LAST_READS = 16


@dataclass(eq=False)
class Run:
    """A run at work in the process ``pid``; its deadline is monotonic."""

    ask: Ask
    args: list[str]
    pid: int
    out: int
    err: int
    deadline: float
    output: bytearray = field(default_factory=bytearray)
    log: bytearray = field(default_factory=bytearray)
    truncated: bool = False
    timed_out: bool = False
    is_given_up: bool = False
    begun: float = field(default_factory=time.monotonic)

    def take(self, descriptor: int, data: bytes) -> None:
        """Keep what came through a pipe: of the output the beginning, of the log the end."""
        if descriptor == self.out:
            room = LARGEST_OUTPUT_BYTES - len(self.output)
            self.truncated |= len(data) > room
            self.output += data[: max(0, room)]
        else:
            self.log += data
            del self.log[:-LOG_BYTES]

    def take_rest(self) -> None:
        """Take what is in its pipes now. What it started may hold them: nobody waits."""
        for descriptor in (self.out, self.err):
            with contextlib.suppress(BlockingIOError):
                for _ in range(LAST_READS):
                    data = os.read(descriptor, READ_BYTES)
                    self.take(descriptor, data)
                    if not data:
                        break

    def kill(self, now: float) -> None:
        """End it and what it has started, as it is late; again a second later, if need be."""
        self.timed_out, self.deadline = True, now + 1
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):  # before it had a group of its own
            os.kill(self.pid, signal.SIGKILL)

    def answer(self, code: int, timeout_s: float) -> Answer:
        """Return its answer, as it has ended with an exit code, or minus a signal's number."""
        output, log = self.output.decode(errors="replace"), self.log.decode(errors="replace")
        if self.truncated:
            log = f"{log}[the output was cut after {LARGEST_OUTPUT_BYTES:,} bytes]\n"
        answer = Answer(self.ask.id, prediction(output), output, None, log, self.pid)
        if self.timed_out:
            answer.timed_out = True
            if self.is_given_up:
                answer.failure = "who had asked was gone, and others waited"
                return answer
            waited = self.begun - (self.ask.deadline - timeout_s)
            turn = f"; {waited:.1f} s of that it waited for its turn" if waited > 0.1 else ""
            answer.failure = not_in_time("it was not done", timeout_s) + turn
        elif code != 0:
            answer.failure = why(code, log)
        elif not output.strip():
            answer.failure = "it printed nothing; print the prediction"
        return answer


def prediction(output: str) -> bytes:
    """Return the first line of what a script printed as JSON: a number where it is one."""
    line = output.strip().partition("\n")[0].strip()
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.encode(msgspec.json.decode(line))
    return msgspec.json.encode(line)


def why(code: int, log: str) -> str:
    """Say how a script failed: its exception, else its last words, or its signal."""
    last, error = _last_line(log), _exception(log)
    if error and error != last:  # its text has several lines, or something was said after it
        last = f"{error} … {last}"
    how = ended_with(code)
    return f"{last[:400]} ({how}){advice_for(last)}" if last else f"it ended with {how}"


def _exception(log: str) -> str:
    """Return the line of the last traceback that names the exception; its text may have more."""
    _, begins, trace = log.rpartition("Traceback (most recent call last):\n")
    if not begins:
        return ""
    lines = trace.splitlines()
    return next((line for line in lines if line[:1].strip() and not line.startswith("+")), "")


def _last_line(log: str) -> str:
    return next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "")
