"""Every error is one red line in a notebook, has an HTTP status and stands in the drawn tree."""

import inspect

from kd_pipeline import errors


def classes() -> list[type[errors.KdError]]:
    return [c for _, c in inspect.getmembers(errors, inspect.isclass)]


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
