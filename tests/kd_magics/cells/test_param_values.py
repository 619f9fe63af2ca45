"""How the values of --param and --grid are read: JSON, a Python literal, or text."""

import argparse
import math
from typing import Any

import pytest

from kd_magics.cells.param_values import choices, value


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *(("True", True), ("False", False), ("None", None), ("true", True), ("null", None)),
        *((".1", 0.1), ("5.", 5.0), ("+5", 5), ("-.5", -0.5), ("1e-3", 0.001), ("1_000", 1000)),
        *(("[1, .5]", [1, 0.5]), ("['a', True]", ["a", True]), ('{"a": 1}', {"a": 1})),
        *(("{'a': None}", {"a": None}), ("[true, .5]", [True, 0.5]), ('"5"', "5"), ("'5'", "5")),
        *(("inf", math.inf), ("-Infinity", -math.inf), ("0x10", 16)),
        *(("big", "big"), ("08", "08"), ("2026-11-26", "2026-11-26"), ("a=b", "a=b")),
        *(("5#rc", "5#rc"), ("20240105_1230", "20240105_1230"), ("2024_01", "2024_01")),
        *(("1_000_000", 1_000_000), ("1if 1 else 2", "1if 1 else 2")),
        *(("...", "..."), ("1.2.3", "1.2.3"), ("", "")),
        *(("models/a.pkl", "models/a.pkl"), ("f(x)", "f(x)"), ("1j", "1j"), ("(draft)", "(draft)")),
    ],
)
def test_a_value_is_json_a_literal_or_text(text: str, meant: Any) -> None:
    found = value(text)
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan"])
def test_not_a_number_is_a_number(text: str) -> None:
    assert math.isnan(value(text))
    assert math.isnan(value(f"[1, {text}]")[1])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("(1, 2)", "is a tuple, which a param cannot be: write a list"),
        ("{1, 2}", "is a set"),
        ("b'x'", "is a bytes, which a param cannot be: send it with --in"),
        ("[(1, 2)]", "is a tuple"),
        ("{1: 2}", "has the key 1, and a param has only text for keys"),
        # What is left of lr={"a": 1} where its quotes were taken off.
        ("{a: 1}", "is neither JSON nor a Python literal"),
        ("[big, small]", "is neither JSON nor a Python literal"),
    ],
)
def test_what_no_param_can_be_is_refused(text: str, told: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=told):
        value(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("True,False", [True, False]),
        ("0.1,.01", [0.1, 0.01]),
        ("big,small", ["big", "small"]),
        ("a,1,None", ["a", 1, None]),
        ("[1, 2],[3]", [[1, 2], [3]]),
        ("[3, 6]", [3, 6]),
        ('["a,b", "c"]', ["a,b", "c"]),
        ("{'a': 1},{'a': 2}", [{"a": 1}, {"a": 2}]),
        ("7", [7]),
        ("5#a,6#b", ["5#a", "6#b"]),
        ("2024_01,2024_02", ["2024_01", "2024_02"]),
    ],
)
def test_choices_are_read_as_values_are(text: str, meant: list[Any]) -> None:
    assert choices(text) == meant


@pytest.mark.parametrize("text", ["a,", ",", "(1, 2),3"])
def test_choices_that_are_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        choices(text)
