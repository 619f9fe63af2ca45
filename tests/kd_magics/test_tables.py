"""Tables as text and as HTML, and where they are shown."""

import subprocess
import sys

from kd_magics.tables import Best, Table, number_words


def test_the_best_is_marked_in_both_forms_and_all_is_escaped() -> None:
    table = Table(["a", "b"], [["<x>", Best("1")], [None, 2]], ["<note>"])
    assert table.text == "a    b\n---  ---\n<x>  1 *\n     2\n\n<note>"
    assert "<b>1</b>" in table.html
    assert "&lt;x&gt;" in table.html
    assert "<note>" not in table.html


def test_columns_without_anything_are_left_out() -> None:
    table = Table(["a", "b", "c"], [["1", "", Best("3")], ["", None, "4"]], ["note"])
    assert table.without_empty().text == "a  c\n-  ---\n1  3 *\n   4\n\nnote"
    assert table.without_empty().html.count("<th ") == 2


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
