"""A table comes back as it was, to the types of its items, or is refused for a pickle."""

from typing import Any

import numpy
import pandas
import pytest

from kd_pipeline import arrow_values
from kd_pipeline.errors import InvalidInput, TooLarge
from kd_pipeline.values import decode, encode

BERLIN, NEW_YORK = (
    pandas.Timestamp("2009-01-20 00:30", tz=zone) for zone in ("Europe/Berlin", "America/New_York")
)


def objects(*items: Any) -> pandas.DataFrame:
    return pandas.DataFrame({"o": pandas.Series(list(items), dtype=object)})


@pytest.mark.parametrize(
    "items",
    [([1, 2]), (["x", "y"]), ([1.5, 2.5]), ([True, False]), (["x", None]), ([b"a", b"b"])],
)
def test_a_column_of_objects_stays_one(items: list[Any]) -> None:
    for value in (objects(*items), objects(*items)["o"]):
        back = decode(encode(value))
        found = back["o"] if isinstance(back, pandas.DataFrame) else back
        assert found.dtype == object
        assert [type(item) for item in found.dropna()] == [
            type(item) for item in items if item is not None
        ]


def with_attrs(attrs: dict[Any, Any]) -> pandas.DataFrame:
    frame = pandas.DataFrame({"a": [1]})
    frame.attrs = attrs
    return frame


@pytest.mark.parametrize(
    "frame",
    [
        objects({"lr": 1, "layers": [64]}, {"lr": 0.1, "layers": [32]}),
        objects({"a": (1, 2)}),
        objects([1]),
        objects(BERLIN, NEW_YORK),
        objects(1, None),
        with_attrs({"cols": {1, 2}}),
        with_attrs({1: (1, 2)}),
        pandas.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
    ],
)
def test_what_would_come_back_changed_is_refused(
    frame: pandas.DataFrame, recwarn: pytest.WarningsRecorder
) -> None:
    with pytest.raises(InvalidInput, match="would not come back"):
        encode(frame)
    assert not list(recwarn)


def test_plain_attributes_come_back() -> None:
    assert decode(encode(with_attrs({"unit": "miles", "of": [1, {"a": None}]}))).attrs == {
        "unit": "miles",
        "of": [1, {"a": None}],
    }


def test_an_array_s_type_keeps_what_is_told_of_it() -> None:
    array = numpy.zeros(2, numpy.dtype("f8", metadata={"unit": "miles"}))
    with pytest.raises(InvalidInput, match="no Arrow form"):
        encode(array)


@pytest.mark.parametrize("kind", ["frame", "array"])
def test_what_is_surely_too_large_is_not_converted(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = numpy.ones((200, 10_000))
    value = pandas.DataFrame(values, copy=False) if kind == "frame" else values
    assert encode(value[:1]).format == "arrow"
    monkeypatch.setattr(arrow_values, "_table", lambda *_: pytest.fail("it was converted"))
    with pytest.raises(TooLarge, match="are the limit"):
        encode(value, largest=values.nbytes - 1000)
