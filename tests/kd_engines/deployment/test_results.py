"""What scoring functions return becomes JSON as one would expect, whichever library made it."""

import datetime
import decimal
from typing import Any

import msgspec
import numpy
import pandas
import polars
import pytest

from kd_engines.deployment.results import plain_value, values_of

WHEN = "2009-01-20T08:30:00"
TABLE = pandas.DataFrame({"ride": [1, 2], "at": pandas.to_datetime([WHEN, None])})
RECORDS = [{"ride": 1, "at": WHEN}, {"ride": 2, "at": None}]


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (numpy.float32(1.5), 1.5),
        (numpy.bool_(True), True),
        (numpy.array([1.0, float("nan")]), [1.0, None]),
        (float("inf"), None),
        (TABLE, RECORDS),
        (polars.DataFrame({"ride": [1]}), [{"ride": 1}]),
        (pandas.Series([1, None], dtype="Int64"), [1, None]),
        (pandas.Timestamp(WHEN), WHEN),
        (datetime.datetime.fromisoformat(WHEN), WHEN),
        (datetime.date(2009, 1, 20), "2009-01-20"),
        (numpy.datetime64(WHEN, "ns"), WHEN),
        (numpy.array([WHEN, "NaT"], "datetime64[ns]"), [WHEN, None]),
        (numpy.timedelta64(5, "s"), "PT5S"),
        (pandas.NaT, None),
        (pandas.NA, None),
        (decimal.Decimal("1.50"), "1.50"),
        (pandas.Categorical(["Queens"]), ["Queens"]),
        ({"rides": TABLE, 5: {"Bronx"}}, {"rides": RECORDS, "5": ["Bronx"]}),
    ],
    ids=repr,
)
def test_a_value(value: Any, json: Any) -> None:
    assert msgspec.json.decode(msgspec.json.encode(plain_value(value))) == json


@pytest.mark.parametrize("value", [object(), 1 + 2j, lambda: 0])
def test_what_is_not_a_json_value_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="which is not a JSON value"):
        plain_value(value)


def test_a_batch_of_times_and_tables() -> None:
    assert values_of(TABLE["at"], 2) == [WHEN, None]
    assert values_of(TABLE, 2) == RECORDS
    assert values_of([TABLE, 1.0], 2) == [RECORDS, 1.0]
