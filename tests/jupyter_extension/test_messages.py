"""The sidebar's message types in TypeScript are those of Python."""

from tests.typescript_messages import FILE, typescript


def test_the_typescript_types_are_written_from_the_python_ones() -> None:
    assert FILE.read_text() == typescript(), "run `python -m tests.typescript_messages`"
