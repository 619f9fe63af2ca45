"""How long to wait after a worker's death: the one before the next start where nobody waits for it,
and the one before a request that ended workers has its answer.
"""

import time
from collections import deque

CALM_S = 60.0  # deaths that come sooner after each other lengthen the pause
LONGEST_PAUSE_S = 30.0


def pause_after(times: deque[float]) -> float:
    """Return the seconds to wait after the last of several deaths, whose times are monotonic."""
    recent = sum(1 for one in times if time.monotonic() - one < CALM_S)
    return 0.0 if recent <= 2 else min(LONGEST_PAUSE_S, 0.25 * 2 ** (recent - 2))
