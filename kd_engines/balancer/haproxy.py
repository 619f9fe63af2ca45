"""HAProxy's process: its configuration, its start, and its end without a request lost."""

import logging
import os
import signal
import subprocess
import time
from functools import partial

from kd_engines.balancer.runtime import Runtime
from kd_engines.balancer.settings import Settings, config_text, find_haproxy
from kd_engines.balancer.slots import Address
from kd_engines.members.processes import end_with_parent
from kd_pipeline.atomic import write_atomic
from kd_pipeline.errors import InvalidInput, Unavailable

log = logging.getLogger(__name__)

STARTS_WITHIN_S = 10.0
STOPS_WITHIN_S = float(os.environ.get("KD_DRAIN_MAX_S", "30"))


class HAProxy:
    """One HAProxy for :class:`Settings`; ``runtime`` is its runtime API."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._program = find_haproxy()
        self._process: subprocess.Popen[bytes] | None = None
        self.runtime = Runtime(settings.socket)

    def write(self, servers: list[Address | None], password: str) -> None:
        """Write the configuration, for the next start."""
        write_atomic(self._settings.config, config_text(self._settings, servers, password))

    def start(self) -> None:
        """Start HAProxy; raises InvalidInput where it does not take its configuration or port."""
        command = [self._program, "-db", "-f", str(self._settings.config)]
        # It stops gracefully where the balancer is killed: nobody would tell of members any more.
        with_us = partial(end_with_parent, os.getpid(), signal.SIGUSR1)
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=with_us)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                self.runtime.command("show info")
                return
            except Unavailable:
                if not self.alive():
                    raise InvalidInput(
                        f"HAProxy ended with {self._process.returncode}; see the lines "
                        f"above: is port {self._settings.port} taken?"
                    ) from None
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Close the listeners, let what is in flight end, then end the process."""
        if self._process is None or not self.alive():
            return
        self._process.send_signal(signal.SIGUSR1)
        try:
            self._process.wait(STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            log.warning("HAProxy still had connections after %g s", STOPS_WITHIN_S)
            self._process.kill()
            self._process.wait()
