"""The Cancel button below a card, where ipywidgets and a live front end are.

It is an output of its own that is emptied when the job ends: a saved notebook keeps no dead
button, and the card above it says the same in words.
"""

import importlib.util
import os
import threading
from collections.abc import Callable
from typing import Any

from kd_magics.cards.card_display import EMPTY, CardDisplay


def is_possible(shell: Any) -> bool:
    """Tell whether somebody may press a button: a Jupyter server or VS Code opened the notebook."""
    opened = os.environ.get("JPY_SESSION_NAME") or "__vsc_ipynb_file__" in shell.user_ns
    return bool(opened)


class CancelButton:
    """A button in a display; ``cancel`` is called in a thread, and tells whether it worked."""

    def __init__(self, display: CardDisplay, handle: str, cancel: Callable[[], bool]) -> None:
        self._display = display
        self._handle = handle
        self._cancel = cancel
        self._widget: Any = None

    def show(self) -> None:
        """Show the button; nothing where ipywidgets is not installed."""
        if self._widget is not None or importlib.util.find_spec("ipywidgets") is None:
            return
        import ipywidgets

        self._widget = ipywidgets.Button(
            description="Cancel job", icon="stop", tooltip=f"%cancel {self._handle}"
        )
        self._widget.on_click(self._press)
        data = dict(self._widget._repr_mimebundle_())
        # Where there is no such widget any more, the card above says how to cancel.
        self._display.show({**data, **EMPTY})

    def close(self) -> None:
        """Take the button away."""
        self._display.show(EMPTY)
        if self._widget is not None:
            self._widget.close()

    def _press(self, _button: object) -> None:
        self._widget.disabled = True
        self._widget.description = "Cancelling…"
        # The kernel's main thread is not held up by an engine that is slow to answer.
        threading.Thread(target=self._run, name="kd-cancel", daemon=True).start()

    def _run(self) -> None:
        if not self._cancel():
            self._widget.disabled = False
            self._widget.description = "Cancel job"
