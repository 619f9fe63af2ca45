"""Where a cell magic stands in its cell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_magics.cells.cell_lines import arranged

OURS, KNOWN = {"engine"}, {"engine", "time"}


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


@given(st.lists(st.sampled_from(["\n", "# a comment\n", "   \n", "  # deep\n"]), max_size=5))
def test_comments_may_stand_above_and_no_line_below_moves(above: list[str]) -> None:
    below = ["x = 1\n", "y = 2\n"]
    found = arranged([*above, "%%engine --wait\n", *below], OURS, KNOWN)
    assert found == ["%%engine --wait\n", *above, *below]


@pytest.mark.parametrize(
    "text",
    [
        "%%time\nx = 1",
        "# a comment\n%%time\nx = 1",
        "%%engine\nx = 1",
        "x = 1\n",
        "x = '''\n%%engine\n'''\n",
        "%%engine?",
        "%%time\n%%engine\nx = 1",
        "print('%%engine')\n",
    ],
)
def test_all_else_stays_as_it_is(text: str) -> None:
    assert arranged(lines(text), OURS, KNOWN) == lines(text)


@pytest.mark.parametrize("text", ["%%nothing\nx = 1", "# a comment\n\n%%nothing"])
def test_a_name_that_does_not_exist_is_refused_by_us(text: str) -> None:
    (call,) = arranged(lines(text), OURS, KNOWN)
    assert call.endswith("refuse('nothing')\n")


@pytest.mark.parametrize("text", ["x = 1\n%%engine\n1", "%load_ext a\n!ls\n\n%%engine --wait\n1"])
def test_below_code_it_is_refused(text: str) -> None:
    (call,) = arranged(lines(text), OURS, KNOWN)
    assert call.endswith("refuse_below('engine')\n")


def test_an_empty_cell_comes_to_us() -> None:
    assert arranged(["%%engine"], OURS, KNOWN) == ["%%engine\n", "\n"]
