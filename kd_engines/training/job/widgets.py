"""Widgets as text: a log has no front end for them, but shows how far a progress bar is."""

import re
import sys
import time
from collections.abc import Iterator
from typing import Any

WIDTH = 10
EVERY_S = 0.1
DEEPEST = 10
_TAGS = re.compile(r"<[^<>]{0,1000}>")


def show(view: Any, others: dict[str, Any]) -> None:
    """Show a widget's text, and again as its progress moves.

    ``view`` is its form for a front end (``{"model_id": …}``), ``others`` are its other forms.
    """
    known = getattr(sys.modules.get("ipywidgets.widgets.widget"), "_instances", {})
    widget = known.get(view.get("model_id")) if isinstance(view, dict) else None
    bars = [part for part in _parts(widget) if _is_bar(part)]
    if bars:
        _Line(widget, bars)
    else:
        text = " ".join(filter(None, map(_text, _parts(widget))))
        print(text or others.get("text/plain", "[a widget]"))


class _Line:
    """A line of the log that is printed again when a bar moves."""

    def __init__(self, widget: Any, bars: list[Any]) -> None:
        self._widget, self._bars = widget, bars
        self._began = time.monotonic()
        self._printed = 0.0
        self._print()
        for bar in bars:
            bar.observe(self._on_change, ["value"])

    def _on_change(self, _: Any) -> None:
        if self._is_done() or time.monotonic() - self._printed >= EVERY_S:
            self._print()

    def _is_done(self) -> bool:
        return all(bar.value >= bar.max for bar in self._bars)

    def _print(self) -> None:
        self._printed = time.monotonic()
        elapsed = self._printed - self._began
        texts = (
            _bar(part, elapsed) if _is_bar(part) else _text(part) for part in _parts(self._widget)
        )
        print("\r" + " ".join(filter(None, texts)), end="\n" if self._is_done() else "", flush=True)


def _parts(widget: Any, depth: int = 0) -> Iterator[Any]:
    """Yield the widgets inside of boxes, in their order."""
    children = getattr(widget, "children", None)
    if not isinstance(children, tuple | list) or depth > DEEPEST:
        if widget is not None:
            yield widget
        return
    for child in children:
        yield from _parts(child, depth + 1)


def _is_bar(widget: Any) -> bool:
    return type(widget).__name__ in ("IntProgress", "FloatProgress")


def _bar(widget: Any, elapsed: float) -> str:
    """Return a bar as tqdm's, which readers of logs know."""
    span = widget.max - widget.min
    done = min(1.0, max(0.0, (widget.value - widget.min) / span)) if span else 1.0
    marks = "#" * round(done * WIDTH)
    minutes, seconds = divmod(int(elapsed), 60)
    label = f"{widget.description} " if widget.description else ""
    return (
        f"{label}{done:4.0%}|{marks:<{WIDTH}}| {widget.value - widget.min:g}/{span:g} "
        f"[{minutes:02d}:{seconds:02d}<?, ?it/s]"
    )


def _text(widget: Any) -> str:
    """Return what a label or a text says; "" for other widgets."""
    value = getattr(widget, "value", None)
    if type(widget).__name__ not in ("HTML", "HTMLMath", "Label", "Text", "Textarea"):
        return ""
    return " ".join(_TAGS.sub("", str(value)).split())
