"""Colours and styles of terminal text: what SGR sequences (``ESC [ … m``) make of a style.

A style is the canonical list of SGR parameters that sets it from nothing: ``"1;31"``, or ``""``.
"""

import re
from functools import lru_cache

RESET = "\x1b[0m"
_SGR = re.compile(r"\x1b\[[0-9;:]*m")
# What a parameter sets, in the order in which a style names it.
_SLOTS = {
    "1": "bold",
    "2": "dim",
    "3": "italic",
    "4": "underline",
    "5": "blink",
    "6": "blink",
    "7": "inverse",
    "8": "hidden",
    "9": "strike",
    "21": "underline",
}
_ORDER = [*dict.fromkeys(_SLOTS.values()), "foreground", "background"]
_UNSET = {
    "22": ("bold", "dim"),
    "23": ("italic",),
    "24": ("underline",),
    "25": ("blink",),
    "27": ("inverse",),
    "28": ("hidden",),
    "29": ("strike",),
    "39": ("foreground",),
    "49": ("background",),
}


@lru_cache(maxsize=1024)
def changed(style: str, parameters: str) -> str:
    """Return a style after the SGR sequence with ``parameters``; unknown ones change nothing."""
    slots = _slots(style)
    for parameter in _parameters(parameters):
        if parameter == "0":
            slots.clear()
        elif parameter in _UNSET:
            for slot in _UNSET[parameter]:
                slots.pop(slot, None)
        elif (sets := _slot(parameter)) is not None:
            slots[sets] = parameter
    return ";".join(slots[slot] for slot in _ORDER if slot in slots)


def styled(text: str, style: str) -> str:
    """Return text with a style set before it and reset after it."""
    return f"\x1b[{style}m{text}{RESET}" if style else text


def without_style(text: str) -> str:
    """Return text without its SGR sequences."""
    return _SGR.sub("", text)


def _slots(style: str) -> dict[str, str]:
    found = {}
    for parameter in _parameters(style) if style else ():
        if slot := _slot(parameter):
            found[slot] = parameter
    return found


def _slot(parameter: str) -> str | None:
    """Return what a parameter sets, or None."""
    first = re.split("[;:]", parameter)[0]
    if first in _SLOTS:
        return _SLOTS[first]
    if not first:
        return None
    number = int(first)
    if 30 <= number <= 38 or 90 <= number <= 97:
        return "foreground"
    return "background" if 40 <= number <= 48 or 100 <= number <= 107 else None


def _parameters(text: str) -> list[str]:
    """Split SGR parameters; those of an extended colour (``38;5;N``, ``38;2;R;G;B``) stay one."""
    words = text.split(";")
    found: list[str] = []
    position = 0
    while position < len(words):
        word = words[position].lstrip("0") or "0"
        width = 1
        if word in ("38", "48"):
            width = {"5": 3, "2": 5}.get("".join(words[position + 1 : position + 2]), 1)
            if width == 1 or position + width > len(words):
                return found  # no colour follows
        found.append(";".join([word, *words[position + 1 : position + width]]))
        position += width
    return found
