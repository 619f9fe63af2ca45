"""The line after a magic: words, JSON, variables."""

import numpy as np
import pandas as pd
import pytest

from kd_magics.errors import BadOptions
from kd_magics.options import json_option, model_version, seconds, split_line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  a  b ", ["a", "b"]),
        ("'a b' \"c d\" e\\ f", ["a b", "c d", "e f"]),
        (
            'taxi/1 {"a": 1, "b": {"c": [2]}} --on x',
            ["taxi/1", '{"a": 1, "b": {"c": [2]}}', "--on", "x"],
        ),
        ('[{"a": 1}, {"a": 2}]', ['[{"a": 1}, {"a": 2}]']),
        ("""--metrics '{"mae":20}'""", ["--metrics", '{"mae":20}']),
        ("--version {v} --path models/{v}/$name", ["--version", "2", "--path", "models/2/x"]),
        ("'{v}' {unknown} {v!", ["{v}", "{unknown}", "{v!"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert split_line(line, {"v": 2, "name": "x"}, "%magic") == words


@pytest.mark.parametrize("line", ["'open", 'a "b', '{"a": }', '["a"', "a\\"])
def test_what_is_no_line_is_refused(line: str) -> None:
    with pytest.raises(BadOptions, match="%magic"):
        split_line(line, {}, "%magic")


def test_variables_stand_for_json() -> None:
    variables = {
        "ride": {"n": np.int64(3), "x": np.float64(0.5), 1: "key"},
        "rows": pd.DataFrame({"a": [1, 2]}),
        "array": np.array([1.5]),
        "thing": object(),
    }
    assert json_option("ride", variables, "w") == {"n": 3, "x": 0.5, "1": "key"}
    assert json_option("rows", variables, "w") == [{"a": 1}, {"a": 2}]
    assert json_option("array", variables, "w") == [1.5]
    assert json_option('{"a": 1}', variables, "w") == {"a": 1}
    for text, words in {"thing": "object", "missing": "no variable", "{1}": "no JSON"}.items():
        with pytest.raises(BadOptions, match=words):
            json_option(text, variables, "w")


def test_types_of_options() -> None:
    assert model_version("taxi/1") == ("taxi", "1")
    assert seconds("2.5") == 2.5
    for text in ("taxi", "taxi/", "/1", "a/b/c"):
        with pytest.raises(Exception, match="NAME/VERSION"):
            model_version(text)
    for text in ("0", "-1", "nan", "inf", "x"):
        with pytest.raises(Exception, match="seconds"):
            seconds(text)
