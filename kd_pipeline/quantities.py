"""Sizes and durations as people read them (31 kB, 12 min), and Kubernetes' quantities."""

from decimal import Decimal

_MEMORY = (("GiB", 3), ("MiB", 2), ("KiB", 1))


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
    """Return bytes of memory as limits are written: ``512 MiB``, ``4 GiB`` (powers of 1024)."""
    unit, power = next(((u, p) for u, p in _MEMORY if count >= 1024**p), ("B", 0))
    value = count / 1024**power
    return f"{value:.0f} {unit}" if value >= 99.5 or not power else f"{value:.3g} {unit}"


def quantity(text: str | None) -> Decimal:
    """Return the number of a Kubernetes quantity, such as 500m and 4Gi; 0 for what is none."""
    from kubernetes.utils.quantity import parse_quantity  # slow to import, and rarely needed

    try:
        return Decimal(parse_quantity(text or "0"))
    except ValueError:  # the manifest is a person's
        return Decimal(0)


def duration_text(seconds: float) -> str:
    """Return a duration for people: ``0.4 s``, ``90 s``, ``12 min``, ``2 h 5 min``."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
