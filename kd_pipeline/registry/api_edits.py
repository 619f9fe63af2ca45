"""Changes of objects that others change as well: read, edit and write until nobody was faster."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from kd_pipeline.cluster_status import state_of, still_notified
from kd_pipeline.errors import Conflict

EDIT_WITHIN_S = 30.0
LONGEST_PAUSE_S = 1.0


def again_after_conflicts(
    attempt: Callable[[], None], what: str, who: Callable[[], str] = str
) -> None:
    """Read and write anew after each Conflict, after pauses that grow; raises it after 30 s.

    ``who`` says by then who is at the object.
    """
    deadline = time.monotonic() + EDIT_WITHIN_S
    pause = 0.02
    while True:
        try:
            attempt()
            return
        except Conflict as error:
            if time.monotonic() > deadline:
                words = " ".join(filter(None, (str(error), who())))
                raise Conflict(
                    f"{what} could not be changed for {EDIT_WITHIN_S:g} s; try again when those "
                    f"who change it are done. {words}"
                ) from None
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - so that two do not keep step
        pause = min(2 * pause, LONGEST_PAUSE_S)


def who_changes(manifest: Mapping[str, Any]) -> str:
    """Say what KubeDirector does with a kdcluster, and who changed its spec last and when."""
    said = [f"KubeDirector has it in state {state_of(manifest) or 'new'!r}."]
    if waiting := still_notified(manifest):
        said.append(f"It waits for {', '.join(waiting[:3])}.")
    edits = [
        (str(entry.get("time")), str(entry.get("manager")))
        for entry in manifest["metadata"].get("managedFields") or ()
        if "f:spec" in (entry.get("fieldsV1") or {})
    ]
    if edits:
        said.append("The last change was that of {1} at {0}.".format(*max(edits)))
    return " ".join(said)
