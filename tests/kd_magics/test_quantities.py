"""Durations and sizes, as they are written on a magic's line and shown."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_magics.quantities import duration, duration_text, memory_text, size, size_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200),
        ("90s", 90),
        ("1h30m", 5400),
        ("90", 90),
        ("1.5h", 5400),
        ("0.5", 0.5),
        ("2d", 172800),
        ("5min", 300),
        ("250ms", 0.25),
        ("2H", 7200),
    ],
)
def test_a_duration_is_written_with_units_or_in_seconds(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("4g", 4 * 1024**3),
        ("512m", 512 * 1024**2),
        ("4GiB", 4 * 1024**3),
        ("1.5G", 3 * 1024**3 // 2),
        ("100", 100),
        ("2 MB", 2 * 1024**2),
        ("1kb", 1024),
    ],
)
def test_a_size_is_written_with_units_or_in_bytes(text: str, count: int) -> None:
    assert size(text) == count


@pytest.mark.parametrize(
    "text", ["", "0", "soon", "-1", "1x", "h", "1h 30", "nan", "inf", "1e3", "٣"]
)
def test_what_is_neither_is_refused_with_an_example(text: str) -> None:
    for read in (duration, size):
        with pytest.raises(argparse.ArgumentTypeError, match="such as"):
            read(text)


@given(st.integers(1, 10**6), st.sampled_from(["d", "h", "m", "s", "ms"]))
def test_parts_of_a_duration_add_up(number: int, unit: str) -> None:
    assert duration(f"{number}{unit}7s") == pytest.approx(duration(f"{number}{unit}") + 7)


@given(st.integers(1, 10**15))
def test_a_size_is_shown_within_five_percent(count: int) -> None:
    number, unit = size_text(count).split()
    shown = float(number) * 1000 ** ["B", "kB", "MB", "GB", "TB"].index(unit)
    assert shown == pytest.approx(count, rel=0.5 if unit == "kB" else 0.06)
    assert len(number) <= 4


def test_what_people_read() -> None:
    assert [size_text(n) for n in (1, 999, 31_000, 4_200_000, 42_000_000)] == [
        "1 B",
        "999 B",
        "31 kB",
        "4.2 MB",
        "42 MB",
    ]
    assert [memory_text(n) for n in (2048, 512 * 1024**2, 4 * 1024**3)] == [
        "2 KiB",
        "512 MiB",
        "4 GiB",
    ]
    assert [duration_text(n) for n in (0.42, 90, 750, 7500, 7200)] == [
        "0.4 s",
        "90 s",
        "12 min",
        "2 h 5 min",
        "2 h",
    ]
