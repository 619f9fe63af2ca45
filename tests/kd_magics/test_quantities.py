"""Durations and sizes, as they are written on a magic's line and shown."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_magics.quantities import duration, size


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
