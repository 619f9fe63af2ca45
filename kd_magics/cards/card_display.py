"""One output of a cell that is changed later, from a thread: the display behind a card."""

import secrets
from typing import Any

EMPTY = {"text/plain": ""}


class CardDisplay:
    """An output with a display id; shown first in a running cell, it stays that cell's output.

    Front ends find it by its id, whichever cell runs when it is changed: nbclient and papermill
    take changes only while a cell runs. The publisher is the shell's of now, as a later cell may
    capture what is published then.
    """

    def __init__(self, shell: Any) -> None:
        self._publisher = shell.display_pub
        self._transient = {"display_id": secrets.token_hex(16)}
        self._shown: dict[str, Any] | None = None

    def show(self, data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Show a MIME bundle in place of the one before; the same again sends nothing."""
        if data == self._shown:
            return
        update, self._shown = self._shown is not None, data
        self._publisher.publish(
            data=data, metadata=metadata, transient=self._transient, update=update
        )
