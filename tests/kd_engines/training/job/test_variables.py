"""A variable's text is short, whatever it is of."""

import dataclasses
from collections import defaultdict
from typing import Any

import hypothesis.strategies as st
import numpy
import pandas
import pytest
from hypothesis import given, settings

from kd_engines.training.job.redaction import Secrets
from kd_engines.training.job.variables import LONGEST_TEXT, variable

ANYTHING = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=50,
)


def text(value: Any) -> str:
    """Return the text of a variable ``x``."""
    return variable("x", value, Secrets({})).text


@settings(deadline=None)
@given(ANYTHING)
def test_a_text_has_a_limit_and_can_be_sent(value: Any) -> None:
    told = variable("x", value, Secrets({}))
    assert len(told.text) <= LONGEST_TEXT
    assert told.text.encode()
    assert told.kind == type(value).__name__


@dataclasses.dataclass
class Point:
    """Something with a repr of its own."""

    x: int


class Shapeless:
    """Something whose shape is no shape."""

    shape = "round"

    def __repr__(self) -> str:
        return "Shapeless()"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (7, "7"),
        ("a", "'a'"),
        ([1, [2, [3]]], "[1, [2, [3]]]"),
        ({"a": Point(1)}, "{'a': Point(x=1)}"),
        (Shapeless(), "Shapeless()"),
        (numpy.float64(0.5), "one item float64: 0.5"),
        (numpy.array([[1], [2]]), "2 x 1 int64: [[1], [2]]"),
        (numpy.zeros(1000), "1,000 float64"),
        (pandas.Series([1.5]), "1 float64"),
        (pandas.DataFrame({"a": [1], "b": 2}), "1 x 2: a, b"),
    ],
)
def test_texts(value: Any, told: str) -> None:
    assert text(value) == told


class Proxy:
    """Stands for something that is not there."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError


@pytest.mark.parametrize(
    "make",
    [Proxy, lambda: 10**5000, lambda: [10**5000], type("list", (), {})],
)
def test_what_cannot_be_told_is_no_trouble(make: Any) -> None:
    assert text(make())


def test_a_dict_that_makes_keys_is_not_changed_by_a_look() -> None:
    counts: defaultdict[str, int] = defaultdict(int, a=1)
    assert "'a': 1" in text(counts)
    assert dict(counts) == {"a": 1}


def test_a_great_thing_is_looked_at_in_part() -> None:
    assert text(list(range(10**6))) == "[0, 1, 2, 3, 4, 5, 6, 7, ...]"
    assert len(text("x" * 10**7)) == LONGEST_TEXT
    assert variable("x", "x" * 10**7, Secrets({})).size_bytes == 10**7
