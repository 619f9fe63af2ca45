import numpy as np
import pytest

from kd_engines.deployment.formats.columns import Columns, WrongRow

NAMED = Columns(("a", "b"), 2)
PLAIN = Columns((), 2)


@pytest.mark.parametrize(
    ("columns", "rows", "matrix"),
    [
        (NAMED, [{"b": 2, "a": 1}], [[1, 2]]),
        (NAMED, [{"a": 1, "more": "x", "b": True}, [3, 4.5]], [[1, 1], [3, 4.5]]),
        (NAMED, [["1.5", "-2e3"]], [[1.5, -2000]]),
        (PLAIN, [{"x": 1, "y": 2}, [3, 4]], [[1, 2], [3, 4]]),
        (PLAIN, [[None, 4]], [[np.nan, 4]]),
        (NAMED, [], np.empty((0, 2))),
    ],
)
def test_rows_by_name_and_by_order(columns: Columns, rows: list, matrix: list) -> None:
    found = columns.matrix(rows)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(matrix, dtype=np.float32))


@pytest.mark.parametrize(
    ("columns", "rows", "told"),
    [
        (NAMED, [{"a": 1}], "'b' is missing; the columns are 'a', 'b'"),
        (NAMED, [{}], "'a', 'b' are missing"),
        (NAMED, [[1]], "the row has 1 values, the model has 2 columns: 'a', 'b'"),
        (NAMED, [{"a": 1, "b": "x" * 99}], f"'b' is '{'x' * 39}…, which is not a number"),
        (NAMED, [{"a": 1, "b": [2]}], "'b' is [2], which is not a number"),
        (NAMED, [{"a": 1, "b": 10**400}], "which is not a number"),
        (NAMED, [{"a": 1, "b": 2}, {"a": 1, "b": {}}], "row 2 of 2: 'b' is {}"),
        (NAMED, ["text"], "a row is an object or a list, not str"),
        (NAMED, [3], "a row is an object or a list, not int"),
        (PLAIN, [[1, "y"]], "value 2 is 'y'"),
        (PLAIN, [[1, 2], [1, 2, 3]], "row 2 of 2: the row has 3 values, the model has 2 columns"),
        (Columns(("a", "b"), 2, False), [[1, 2], [1, None]], "row 2 of 2: 'b' is null; it must be"),
        (
            Columns(tuple(f"c{n}" for n in range(99)), 99),
            [{}],
            "'c9' and 89 more are missing; the columns are 'c0'",
        ),
    ],
)
def test_what_is_no_row_is_told_by_column(columns: Columns, rows: list, told: str) -> None:
    with pytest.raises(WrongRow) as caught:
        columns.matrix(rows)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 600
