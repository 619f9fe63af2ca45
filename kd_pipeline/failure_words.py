"""An exception in one sentence: ``KeyError: 'tenur' (line 4).``"""

from kd_pipeline import plain_text

LONGEST = 500
LONGEST_KIND = 200


def sentence(kind: str, message: str, file: str | None = None, line: int = 0) -> str:
    """Return an exception's kind, the first line of its text, and where it was raised.

    ``file`` is what the file of that line is called; ``job 9`` is the code that was sent, whose
    lines need no file's name, and None says nothing of a place.
    """
    kind = plain_text.one_line(kind, LONGEST_KIND)
    first = plain_text.lines(message).strip().partition("\n")[0][:LONGEST]
    text = f"{kind}: {first}".rstrip(".") if first else kind
    if file is None:
        return f"{text}."
    place = f"line {line}" if file.startswith("job ") else f"{file}, line {line}"
    return f"{text} ({place})."
