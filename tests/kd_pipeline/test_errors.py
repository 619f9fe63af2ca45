"""Every error is one red line in a notebook, has an HTTP status and stands in the drawn tree."""

import inspect
import re
from pathlib import Path

from kd_pipeline import errors


def classes() -> list[type[errors.KdError]]:
    found = [c for _, c in inspect.getmembers(errors, inspect.isclass)]
    return [c for c in found if issubclass(c, errors.KdError)]


def test_one_line_in_a_notebook() -> None:
    for error in classes():
        (line,) = error("What is wrong, and what to do.")._render_traceback_()
        assert "What is wrong" in line
        assert "\n" not in line


def test_the_tree_in_the_docstring_is_the_tree_there_is() -> None:
    assert errors.__doc__ is not None
    for error in classes():
        assert error.__name__ in errors.__doc__
        assert 400 <= error.http_status < 600


def test_every_error_of_an_engine_arrives_as_itself() -> None:
    """An engine names an error's class on the wire, so a client must know each by its name."""
    engines = (Path(__file__).parents[2] / "kd_engines").rglob("*.py")
    text = "\n".join(path.read_text() for path in engines)
    own = re.findall(r"class (\w+)\((?:KdError|Unavailable|InvalidInput|NotFound|Conflict)\)", text)
    assert own == [], "errors that cross the wire belong into kd_pipeline.errors"
    used = set(re.findall(r"\w+", text)) & {error.__name__ for error in classes()}
    assert used >= {"ScoringFailed", "PredictTimeout", "ModelNotReady", "TooManyRequests"}
    assert used <= {*errors.WIRE_ERRORS}
    assert issubclass(errors.WIRE_ERRORS["ModelNotReady"], errors.Unavailable)
