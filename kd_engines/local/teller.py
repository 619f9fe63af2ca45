"""What the supervisor says: nothing is lost or said twice because its log's disk was full."""

import os
from contextlib import suppress

LONGEST_BYTES = 1_000_000  # of what waits for room


class Teller:
    """Writes lines to a file descriptor; what it refuses waits, and is written before the next.

    Python's own streams may keep what they failed to write, or not, depending on how they are
    buffered: with them a line that is tried again can appear several times.
    """

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._waiting = bytearray()

    def __call__(self, text: str) -> None:
        """Say a line, now or as soon as there is room for it; never raises OSError."""
        if len(self._waiting) < LONGEST_BYTES:
            self._waiting += f"{text}\n".encode(errors="replace")
        self.flush()

    def flush(self) -> None:
        """Write what still waits, as far as that is possible."""
        with suppress(OSError):
            while self._waiting:
                del self._waiting[: os.write(self._descriptor, self._waiting)]
