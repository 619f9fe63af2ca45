"""Tables as text and as HTML, and where they are shown."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from kd_magics.tables import Cell, Table, TextOnly, ago, best, number_words, state


def test_the_best_is_marked_in_both_forms_and_all_is_escaped() -> None:
    table = Table(["a", "b"], [["<x>", best("1")], [None, 2]], ["<note>"])
    assert table.text == "a    b\n---  ---\n<x>  1 *\n     2\n\n<note>"
    assert "<b>1</b>" in table.html
    assert "&lt;x&gt;" in table.html
    assert "<note>" not in table.html


def test_columns_without_anything_are_left_out() -> None:
    table = Table(["a", "b", "c"], [["1", "", best("3")], ["", None, "4"]], ["note"])
    assert table.without_empty().text == "a  c\n-  ---\n1  3 *\n   4\n\nnote"
    assert table.without_empty().html.count("<th ") == 2


NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (timedelta(seconds=0.4), "just now"),
        (timedelta(seconds=-5), "just now"),  # clocks differ
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(minutes=3, seconds=59), "3 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=1, hours=3), "1 day ago"),
        (timedelta(days=40), "40 days ago"),
    ],
)
def test_a_time_is_told_by_its_age_and_html_has_it_as_tooltip(before: timedelta, text: str) -> None:
    cell = ago((NOW - before).isoformat(), NOW)
    assert cell == text
    assert isinstance(cell, Cell)
    assert f"<span title='{(NOW - before).astimezone():%Y-%m-%d %H:%M:%S}'>{text}<" in cell.form
    assert ago("", NOW) == ago(None, NOW) == ""
    assert ago("soon", NOW) == "soon"


def test_a_state_has_a_symbol_and_a_colour_in_html_only() -> None:
    table = Table(["State"], [[state("OutOfMemory")], [state("Running", "Running <50%>")]])
    assert table.rows == [["OutOfMemory"], ["Running <50%>"]]
    assert "✖</span> Out of memory" in table.html
    assert "▶</span> Running &lt;50%&gt;" in table.html
    assert "color:var(--jp-error-color1, #d32f2f)" in table.html


def test_names_do_not_break_and_sentences_may() -> None:
    table = Table(["a", "b"], [["training-engine-instance/9", "a reason " * 20]])
    assert "white-space:nowrap'>training-engine-instance/9<" in table.html
    assert "white-space:normal;min-width:20em'>a reason" in table.html


def test_a_note_about_marks_is_for_the_text_only() -> None:
    table = Table(["a"], [["1"]], [TextOnly("Marked (*)."), "Both."])
    assert table.text.endswith("\n\nMarked (*).\nBoth.")
    assert "Marked" not in table.html
    assert "Both." in table.html
    assert "Marked" in table.without_empty().text


def test_numbers_are_told_in_short() -> None:
    assert number_words({"rmse": 5.123456, "kind": "tree", "n": 3}) == "rmse 5.123, n 3"
    assert number_words({"a": 1, "b": 2, "c": 3, "d": 4}) == "a 1, b 2, c 3, …"
    assert number_words({}) == ""


def test_without_ipython_the_text_is_printed() -> None:
    code = (
        "from kd_magics.tables import Table, show; show(Table(['a'], [['1']]));"
        "from kd_magics.screen import show_bundle; show_bundle({'image/png': 'xyz'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "a\n-\n1\n[image/png: shown in a notebook]\n"
