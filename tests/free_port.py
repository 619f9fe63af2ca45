"""A loopback port for a server that keeps it through all its lives."""

import random
import socket
from pathlib import Path

# Below those that the system gives to whoever asks for any: nobody takes it between two lives.
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST = 10_000


def free_port() -> int:
    """Return a port that nobody has, and that nobody is given by chance."""
    try:
        highest = int(_EPHEMERAL.read_text().split()[0])
    except OSError:  # not Linux, where they begin at 49,152
        highest = 49_152
    while True:
        # Not of the seeded ones: two test processes would be given the same.
        port = random.SystemRandom().randrange(LOWEST, max(highest, LOWEST + 10_000))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
