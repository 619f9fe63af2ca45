"""Durations and sizes as people write them on a line: 1h30m, 90s, 4GiB."""

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
        raise argparse.ArgumentTypeError(
            f"{text!r} must be a positive duration, such as 90s, 2h, 1h30m"
        )
    return value


def size(text: str) -> int:
    """Read ``512m``, ``4g`` or ``4GiB`` (all in powers of 1024), or bytes (an argparse type)."""
    match = _SIZE.fullmatch(text.strip())
    value = int(float(match[1]) * 1024 ** POWERS[match[2].lower()]) if match else 0
    if value < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} must be a positive size, such as 512m, 4g, 4GiB"
        )
    return value
