"""A hint is worded as it is typed where it is read."""

import shlex

import pytest

from kd_pipeline.errors import KdError
from kd_pipeline.hints import AS_PICKLE, Hint

ASK = Hint("predict", ("taxi/2", '{"a": 1}'), "gives them")


def test_each_face_has_its_words() -> None:
    assert ASK.in_notebook() == '%predict taxi/2 {"a": 1} gives them.'
    assert Hint("attachments").in_notebook() == "See %attachments."
    assert Hint("attachments").in_terminal() == "See kd attachments."
    assert AS_PICKLE.in_notebook() == AS_PICKLE.in_terminal() == "--pickle sends it as a pickle."


def test_a_shell_takes_the_words_as_they_are() -> None:
    typed = ASK.in_terminal().removesuffix(" gives them.")
    assert shlex.split(typed) == ["kd", "predict", "taxi/2", '{"a": 1}']


@pytest.mark.parametrize("hint", [None, ASK])
def test_an_error_s_own_sentence_has_no_command(hint: Hint | None) -> None:
    error = KdError("No arguments.", hint=hint)
    assert str(error) == "No arguments."
    (line,) = error._render_traceback_()
    assert ("%predict" in line) == (hint is not None)
    assert error.in_terminal().startswith("No arguments.")
