"""Small lines of how a number went."""

import re

from hypothesis import given
from hypothesis import strategies as st

from kd_magics.cards.sparkline import HEIGHT, MOST_POINTS, WIDTH, svg


def places(shown: str) -> list[tuple[float, float]]:
    found = re.search("points='([^']*)'", shown)
    assert found
    pairs = [pair.split(",") for pair in found[1].split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_it_falls_where_the_numbers_fall() -> None:
    shown = svg("loss", [(n, 1.0 / n) for n in range(1, 6)], "red")
    line = places(shown)
    assert [x for x, _ in line] == sorted(x for x, _ in line)
    assert [y for _, y in line] == sorted(y for _, y in line)  # down is where y grows
    assert "aria-label='loss went from 1 to 0.2'" in shown


@given(st.lists(st.tuples(st.none(), st.floats()), max_size=300))
def test_it_stays_inside(points: list[tuple[float | None, float]]) -> None:
    shown = svg("n'<", points, "red")
    if not shown:
        return
    line = places(shown)
    assert 2 <= len(line) <= MOST_POINTS + 1
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in line)


def test_one_number_is_no_line() -> None:
    assert svg("loss", [(None, 1.0), (None, float("nan"))], "red") == ""
