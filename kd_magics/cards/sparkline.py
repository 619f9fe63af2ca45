"""A small line of how a number went, as SVG that needs nothing from outside."""

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 96, 20, 2
MOST_POINTS = 60


def svg(name: str, points: Sequence[tuple[float | None, float]], color: str) -> str:
    """Return the line of a metric's (step, value) points; ``""`` where it has fewer than two."""
    values = [value for _, value in points if math.isfinite(value)]
    if len(values) < 2:
        return ""
    every = math.ceil(len(values) / MOST_POINTS)
    shown = [*values[:-1:every], values[-1]]
    label = f"{name} went from {values[0]:.4g} to {values[-1]:.4g}"
    return (
        f"<svg role='img' width='{WIDTH}' height='{HEIGHT}' viewBox='0 0 {WIDTH} {HEIGHT}' "
        f"aria-label='{escape(label, quote=True)}' style='vertical-align:middle'>"
        f"<polyline fill='none' stroke='{color}' style='stroke:{color}' stroke-width='1.5' "
        f"stroke-linejoin='round' stroke-linecap='round' points='{_places(shown)}'/></svg>"
    )


def _places(values: list[float]) -> str:
    low, high = min(values), max(values)
    # Scaled down first: the distance of two huge numbers may be infinite.
    scale = max(abs(low), abs(high)) or 1.0
    height = (high / scale - low / scale) or 1.0
    step = (WIDTH - 2 * MARGIN) / (len(values) - 1)
    return " ".join(
        f"{MARGIN + number * step:.1f},"
        f"{HEIGHT - MARGIN - (value / scale - low / scale) / height * (HEIGHT - 2 * MARGIN):.1f}"
        for number, value in enumerate(values)
    )
