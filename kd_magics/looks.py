"""Colours and symbols of states, for HTML in a notebook.

The colours are JupyterLab's own variables, with ones for pages that have no such. What a colour
says is said in words as well, as some sites strip the styles of a saved notebook.
"""

from html import escape

BRAND = "var(--jp-brand-color1, #1976d2)"
GREY = "var(--jp-ui-font-color2, #808080)"
QUIET = "color:var(--jp-ui-font-color2, inherit)"
WARN = "var(--jp-warn-color1, #e65100)"
GOOD = "var(--jp-success-color1, #2e7d32)"
BAD = "var(--jp-error-color1, #d32f2f)"
_WAITS, _RUNS, _WELL, _BAD, _WARNS, _OVER = (
    ("◷", GREY),
    ("▶", BRAND),
    ("✔", GOOD),
    ("✖", BAD),
    ("✖", WARN),
    ("■", GREY),
)
LOOKS = {  # symbol and colour of a job's, a model's and a cluster's states
    "Queued": _WAITS,
    "Running": _RUNS,
    "Finished": _WELL,
    "Failed": _BAD,
    "OutOfMemory": _BAD,
    "TimedOut": _WARNS,
    "Cancelled": _OVER,
    "Lost": ("?", WARN),
    "Ready": _WELL,
    "Loading": _WAITS,
    "Unknown": ("?", WARN),
    "Draining": _OVER,
    "Not deployed": _OVER,
    "Not loaded yet": _WAITS,
    "answers": _WELL,
    "starting": _WAITS,
    "wrong token": _BAD,
    "does not answer": _BAD,
}
WORDS = {"TimedOut": "Timed out", "OutOfMemory": "Out of memory"}


def word(state: str) -> str:
    """Return a state for people."""
    return WORDS.get(state, state)


def symbol(state: str) -> str:
    """Return a state's symbol as HTML; it adds nothing for those who cannot see it."""
    sign, color = LOOKS.get(state, ("", GREY))
    return f"<span aria-hidden='true' style='color:{color}'>{escape(sign)}</span>" if sign else ""
