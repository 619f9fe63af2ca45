"""Where the next page begins: written and read again, and nothing else is taken for it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_extension import job_cursor
from kd_pipeline.errors import InvalidInput


@given(st.dictionaries(st.text(max_size=63), st.integers(0, 2**53), max_size=20))
def test_a_cursor_is_read_as_it_was_written(cursor: dict[str, int]) -> None:
    word = job_cursor.encode(cursor)
    assert word.replace("-", "").replace("_", "").isalnum()
    assert job_cursor.decode(word) == cursor


@given(st.text(min_size=1))
def test_any_other_text_is_refused_or_is_a_cursor(text: str) -> None:
    try:
        found = job_cursor.decode(text)
    except InvalidInput:
        return
    assert all(0 <= number <= 2**53 for number in found.values())


@pytest.mark.parametrize(
    "content",
    [b"[]", b"{", b'{"a": -1}', b'{"a": 1.5}', b'{"a": true}', b'{"a": 9007199254740993}', b"\xff"],
)
def test_what_is_no_number_of_a_cluster_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        job_cursor.decode(base64.urlsafe_b64encode(content).decode())


def test_a_word_without_end_is_not_even_read() -> None:
    with pytest.raises(InvalidInput):
        job_cursor.decode("A" * 100_000)
