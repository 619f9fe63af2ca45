"""Durations and sizes as people write and read them: 1h30m, 90s, 4GiB, 31 kB."""

import argparse
import re

UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "ms": 0.001}
POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_PART = re.compile(r"(\d+(?:\.\d+)?)(d|h|min|ms|m|s)", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b?)", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)


def duration(text: str) -> float:
    """Read ``2h``, ``1h30m``, ``90s`` or plain seconds, above 0 (an argparse type)."""
    words = text.strip().lower()
    if _NUMBER.fullmatch(words):
        value = float(words)
    else:
        parts = _PART.findall(words)
        whole = "".join(number + unit for number, unit in parts) == words
        value = sum(float(number) * UNITS_S[unit] for number, unit in parts) if whole else 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration above 0, such as 90s, 2h, 1h30m")
    return value


def size(text: str) -> int:
    """Read ``512m``, ``4g`` or ``4GiB`` (all in powers of 1024), or bytes (an argparse type)."""
    match = _SIZE.fullmatch(text.strip())
    value = int(float(match[1]) * 1024 ** POWERS[match[2].lower()]) if match else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no size above 0, such as 512m, 4g, 4GiB")
    return value


def size_text(count: int) -> str:
    """Return a number of bytes for people: ``812 B``, ``31 kB``, ``4.2 MB`` (powers of 1000)."""
    if count < 1000:
        return f"{count} B"
    value, units = count / 1000, ["kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        del units[0]
    unit = units[0]
    return f"{value:.0f} {unit}" if value >= 9.95 or unit == "kB" else f"{value:.1f} {unit}"


def memory_text(count: int) -> str:
    """Return bytes of memory as limits are written: ``512 MiB``, ``4 GiB``."""
    unit = "GiB" if count >= 1024**3 else "MiB" if count >= 1024**2 else "KiB"
    power = {"KiB": 1, "MiB": 2, "GiB": 3}[unit]
    return f"{count / 1024**power:.3g} {unit}"


def duration_text(seconds: float) -> str:
    """Return a duration for people: ``0.4 s``, ``90 s``, ``12 min``, ``2 h 5 min``."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
