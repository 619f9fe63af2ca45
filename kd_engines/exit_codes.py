"""How a process ended, in words. Jobs' runners import it while their job starts: keep it small."""

from __future__ import annotations

import signal


def signal_name(number: int) -> str:
    """Return a signal's name; real-time signals, and unknown ones, have only a number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def ended_with(code: int) -> str:
    """Return ``exit code 3`` or ``signal SIGKILL`` for a return code as subprocess gives it."""
    if code >= 0:
        return f"exit code {code}"
    name = signal_name(-code)
    return name if name.startswith("signal ") else f"signal {name}"
