"""Sizes and durations as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_pipeline.quantities import duration_text, memory_text, size_text


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
    sizes = (1, 2048, 512 * 1024**2, 1023 * 1024**2, 2254857830, 4 * 1024**3)
    told = ["1 B", "2 KiB", "512 MiB", "1023 MiB", "2.1 GiB", "4 GiB"]
    assert [memory_text(n) for n in sizes] == told
    assert [duration_text(n) for n in (0.42, 90, 750, 7500, 7200)] == [
        "0.4 s",
        "90 s",
        "12 min",
        "2 h 5 min",
        "2 h",
    ]
