"""Values come out as they went in, of the same types, or are refused with a sentence."""

import contextlib
import datetime
import json
import math
import re
import subprocess
import sys
from collections import OrderedDict
from typing import Any

import hypothesis.extra.numpy as numpy_strategies
import hypothesis.strategies as st
import numpy
import pandas
import polars
import pyarrow
import pytest
from hypothesis import assume, given, settings

from kd_pipeline import values
from kd_pipeline.errors import InvalidInput, TooLarge
from kd_pipeline.messages import Value
from kd_pipeline.values import decode, describe, encode

UNHURRIED = settings(deadline=None)  # the first import of a package takes its time
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
DTYPES = (
    numpy_strategies.boolean_dtypes()
    | numpy_strategies.integer_dtypes(endianness="?")
    | numpy_strategies.unsigned_integer_dtypes(endianness="?")
    | numpy_strategies.floating_dtypes(endianness="?")
    | numpy_strategies.complex_number_dtypes(sizes=(64, 128), endianness="?")
    | numpy_strategies.datetime64_dtypes(endianness="?")
    | numpy_strategies.timedelta64_dtypes(endianness="?")
    | numpy_strategies.unicode_string_dtypes(min_len=1, max_len=5, endianness="?")
    | numpy_strategies.byte_string_dtypes(min_len=1, max_len=5)
)
SHAPES = numpy_strategies.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def same(one: Any, other: Any) -> bool:
    """Tell whether two plain values are equal to the last bit and type."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one.hex() == other.hex()
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@UNHURRIED
@given(PLAIN)
def test_plain_values_go_as_json_and_come_back_equal_in_value_and_type(value: Any) -> None:
    sent = encode(value)
    assert (sent.format, sent.kind) == ("json", type(value).__name__)
    assert same(decode(sent), value)


@UNHURRIED
@given(PLAIN, st.sampled_from([(1,), {1}, frozenset(), b"x", 1j, {1: 2}, object(), OrderedDict()]))
def test_a_value_that_json_would_change_is_refused_wherever_it_is(outer: Any, odd: Any) -> None:
    for value in (odd, [outer, odd], {"a": [outer, {"b": odd}]}):
        with pytest.raises(InvalidInput, match="metrics"):
            encode(value, name="metrics")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ((1, 2), r"x is a tuple; .*list\(…\)"),
        ({"a": [{1}]}, r"x\['a'\]\[0\] is a set; .*sorted"),
        ({3: "c"}, r"x has the key 3 \(int\).*str\(key\)"),
        ({"t": pandas.DataFrame()}, r"x\['t'\] is a DataFrame; .*a name of their own"),
        (datetime.date(2020, 1, 1), r"isoformat"),
        (numpy.datetime64("2020-01-01", "ns"), "no JSON or Arrow form"),
        (numpy.longdouble(1), "no JSON or Arrow form"),
        (json.JSONDecoder(), r"x \(json.decoder.JSONDecoder\) .* --pickle"),
        ("\ud800", "surrogate"),
        pytest.param(10**5000, "no JSON form", id="a long number"),
    ],
)
def test_a_refusal_names_the_place_and_what_to_do(value: Any, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        encode(value, name="x")
    assert re.search(told, caught.value.in_notebook())


def test_a_value_that_holds_itself_is_refused() -> None:
    ring: list[Any] = []
    ring.append([ring])
    with pytest.raises(InvalidInput, match="holds itself"):
        encode(ring)
    deep: list[Any] = []
    for _ in range(101):
        deep = [deep]
    with pytest.raises(InvalidInput, match="100 deep"):
        encode(deep)


@pytest.mark.parametrize(
    ("scalar", "plain"),
    [
        (numpy.float64(0.1), 0.1),
        (numpy.float32(0.5), 0.5),
        (numpy.int8(-3), -3),
        (numpy.uint64(2**64 - 1), 2**64 - 1),
        (numpy.bool_(True), True),
        (numpy.str_("a"), "a"),
    ],
)
def test_scalars_of_numpy_become_plain_ones(scalar: Any, plain: Any) -> None:
    sent = encode({"best": [scalar]})
    assert same(decode(sent), {"best": [plain]})
    assert encode(scalar).kind == type(plain).__name__


@UNHURRIED
@given(st.data())
def test_arrays_keep_values_dtype_shape_and_order(data: st.DataObject) -> None:
    array = data.draw(numpy_strategies.arrays(DTYPES, SHAPES))
    array = data.draw(st.sampled_from([array, array.T, numpy.asfortranarray(array)]))
    assume(array.dtype.kind != "U" or "".join(array.ravel()).isprintable())
    sent = encode(array)
    back = decode(sent)
    assert (sent.format, sent.kind) == ("arrow", "numpy.ndarray")
    assert (type(back), back.dtype, back.shape) == (numpy.ndarray, array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()
    assert back.flags.c_contiguous == array.flags.c_contiguous or array.size == 0
    assert back.flags.writeable


def test_variable_text_of_numpy_is_an_array_too() -> None:
    array = numpy.array([["a", "ü" * 40]], dtype=numpy.dtypes.StringDType())
    back = decode(encode(array))
    assert (back.dtype, back.tolist()) == (array.dtype, array.tolist())


def test_arrays_of_objects_and_of_records_are_refused() -> None:
    for array in (numpy.array([{}, None]), numpy.zeros(2, [("a", "i4")])):
        with pytest.raises(InvalidInput, match="astype"):
            encode(array)
    with pytest.raises(InvalidInput, match="MaskedArray"):
        encode(numpy.ma.masked_array([1, 2], [True, False]))


FRAMES = {
    "numbers": pandas.DataFrame({"a": [1, 2], "b": [0.5, float("nan")], "c": [True, False]}),
    "text": pandas.DataFrame({"a": ["x", None]}),
    "dates": pandas.DataFrame({"d": pandas.Series([datetime.date(2020, 1, 1)], dtype=object)}),
    "times": pandas.DataFrame({"t": pandas.to_datetime(["2020-01-01", None], utc=True)}),
    "categories": pandas.DataFrame({"c": pandas.Categorical(["b", "a"], ["b", "a"], ordered=True)}),
    "nullable": pandas.DataFrame({"n": pandas.array([1, None], dtype="Int64")}),
    "named index": pandas.DataFrame({"a": [1]}, index=pandas.Index(["r"], name="row")),
    "range index": pandas.DataFrame({"a": [1, 2]}, index=pandas.RangeIndex(5, 9, 2)),
    "days": pandas.DataFrame({"a": [1, 2]}, index=pandas.date_range("2020", periods=2)),
    "two indexes": pandas.DataFrame({"a": [1]}).set_index([["k"], [7]]),
    "numbered columns": pandas.DataFrame([[1, 2.0]]),
    "columns of two levels": pandas.DataFrame([[1, 2]], columns=[["a", "b"], ["x", "y"]]),
    "no rows": pandas.DataFrame({"a": pandas.Series(dtype="float32")}),
    "no columns": pandas.DataFrame(index=[3, 4]),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_keep_columns_types_and_index(name: str) -> None:
    frame = FRAMES[name]
    sent = encode(frame)
    back = decode(sent)
    assert (sent.format, sent.kind) == ("arrow", "pandas.DataFrame")
    pandas.testing.assert_frame_equal(back, frame, check_exact=True, check_freq=False)


def test_a_frame_can_be_written_to_after_its_way() -> None:
    frame = pandas.DataFrame({"a": [1.0, 2.0]})
    back = decode(encode(frame))
    back.loc[0, "a"] = 8.0
    assert frame["a"].tolist() == [1.0, 2.0]


def test_missing_text_among_objects_comes_back_as_missing() -> None:
    column = pandas.Series(["x", None, float("nan")], dtype=object)
    back = decode(encode(column.to_frame("a")))["a"]
    assert back.isna().tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (pandas.DataFrame({"tags": [["a"], []]}), "column 'tags'"),
        (pandas.DataFrame({"pair": [(1, 2)]}), "column 'pair'"),
        (pandas.DataFrame({"mix": [1, "a"]}), "no Arrow form"),
        (pandas.DataFrame([[1, 2]], columns=["a", "a"]), "[Dd]uplicate"),
        (pandas.DataFrame({"o": [object()]}), "no Arrow form"),
    ],
)
def test_a_frame_that_arrow_would_change_is_refused(frame: pandas.DataFrame, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        encode(frame, name="df")
    assert encode(frame, name="df", allow_pickle=True).format == "pickle" or "object()" in told


@pytest.mark.parametrize("name", [None, "fare", 0, 7])
def test_series_keep_index_and_name(name: Any) -> None:
    series = pandas.Series([1.5, 2.5], index=["a", "b"], name=name)
    back = decode(encode(series))
    pandas.testing.assert_series_equal(back, series)
    back.iloc[0] = 0.0
    assert series.iloc[0] == 1.5


def test_tables_of_pyarrow_and_frames_of_polars_come_back() -> None:
    table = pyarrow.table({"a": [[1], None]}).replace_schema_metadata({"own": "kept"})
    assert decode(encode(table)).equals(table, check_metadata=True)
    assert decode(encode(pyarrow.table({"a": [1]}))).schema.metadata is None
    frame = polars.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [float("nan"), 1.0]})
    back = decode(encode(frame))
    assert (type(back), back.schema) == (polars.DataFrame, frame.schema)
    assert back.equals(frame)


@UNHURRIED
@given(st.binary(max_size=200), st.sampled_from(["json", "arrow"]))
def test_damaged_data_is_told_in_a_sentence(data: bytes, form: Any) -> None:
    with contextlib.suppress(InvalidInput):  # and nothing else
        decode(Value(form, data, "numpy.ndarray"))


@UNHURRIED
@given(st.data())
def test_a_damaged_arrow_stream_never_crashes(data: st.DataObject) -> None:
    sent = encode(numpy.arange(10.0))
    place = data.draw(st.integers(0, len(sent.data)))
    cut = Value("arrow", sent.data[:place], sent.kind)
    with contextlib.suppress(InvalidInput):  # and nothing else
        assert decode(cut).tolist() == list(range(10))


def test_what_is_too_large_says_how_to_write_it_instead() -> None:
    array = numpy.zeros(values.LARGEST_VALUE // 8 + 1)
    with pytest.raises(TooLarge, match=r"x has 17 MB.*16 MiB.*numpy.save\(\"data/x.npy\", x\)"):
        encode(array, name="x")
    with pytest.raises(TooLarge, match=r"df has .*16 MiB.*df.to_parquet\(\"data/df.parquet\"\)"):
        encode(pandas.DataFrame({"a": array}), name="df", allow_pickle=True)
    with pytest.raises(TooLarge, match="17 MB as JSON, 16 MiB"):
        encode("x" * (values.LARGEST_VALUE + 1))
    with pytest.raises(TooLarge, match="items"):
        encode([0] * (values.LARGEST_VALUE // 2 + 1))
    with pytest.raises(TooLarge, match="as a pickle, 16 MiB"):
        encode((array,), name="x", allow_pickle=True)


def test_all_values_and_files_together_have_a_cap() -> None:
    half = Value("json", b"1" * values.LARGEST_VALUE)
    values.check_sizes({"a": half}, {"b.py": half.data})
    with pytest.raises(TooLarge, match=r"together \(most of all a with 17 MB\), 32 MiB"):
        values.check_sizes({"a": half, "b": half}, {"c.py": b"1"})
    with pytest.raises(TooLarge, match="a has 17 MB as JSON"):
        values.check_sizes({"a": Value("json", half.data + b"1")}, {})


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (pandas.DataFrame({n: [0.0] * 1000 for n in "abcd"}), r"x \(DataFrame 1,000 . 4, Arrow, "),
        (pandas.Series([1]), r"x \(Series 1, Arrow, "),
        (numpy.zeros((2, 0)), r"x \(ndarray 2 . 0, Arrow, "),
        (numpy.array(1), r"x \(ndarray of no dimension, Arrow, "),
        ({"a": 1}, r"x \(dict, JSON, 8 B\)"),
    ],
)
def test_a_description_tells_type_shape_form_and_size(value: Any, told: str) -> None:
    assert re.match(told, describe(encode(value), "x"))
    assert describe(encode([1])) == "list, JSON, 3 B"


def test_a_missing_package_is_named() -> None:
    code = (
        "import sys, numpy\n"
        "sys.modules['pyarrow'] = None\n"
        "from kd_pipeline.errors import InvalidInput\n"
        "from kd_pipeline.values import encode\n"
        "try: encode(numpy.zeros(1), name='x')\n"
        "except InvalidInput as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "x is a numpy.ndarray" in done.stdout
    assert "pip install pyarrow" in done.stdout


def test_the_codec_imports_nothing_slow_until_it_is_used() -> None:
    code = (
        "import sys, kd_pipeline.values\n"
        "kd_pipeline.values.encode({'a': [1.5]})\n"
        "print({'numpy', 'pandas', 'pyarrow', 'polars', 'pickle'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_not_a_number_stays_what_it_is() -> None:
    back = decode(encode({"loss": [float("nan"), float("inf"), -float("inf"), -0.0]}))
    assert math.isnan(back["loss"][0])
    assert back["loss"][1:3] == [float("inf"), -float("inf")]
    assert math.copysign(1, back["loss"][3]) == -1
