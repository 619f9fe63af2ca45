"""requirements.txt files, read as pip reads them: encodings, comments, lines that go on."""

import codecs
import locale
import re
from pathlib import Path

from kd_client.errors import BadOptions

# The longer ones first: UTF-32's begins as UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTION = re.compile(r"(?:^|\s)(--?[A-Za-z][\w-]*)")


def read(path: Path, named: str) -> list[str]:
    """Return the requirements of a file; raises BadOptions where it cannot be read.

    ``named`` is what sentences call it. pip's options (``-r``, ``--hash``) are refused by name.
    """
    try:
        text = _decoded(path.read_bytes())
    except (OSError, UnicodeError, LookupError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadOptions(f"--requirements {named} cannot be read: {reason}.") from None
    found = []
    for number, line in _whole_lines(text):
        wanted = _COMMENT.sub("", line).strip()
        if option := _OPTION.search(wanted.partition(";")[0]):
            raise BadOptions(
                f"--requirements {named}, line {number}: {option[1]} is an option of pip, and a "
                "job takes only names of packages and their versions; leave it out."
            )
        if wanted:
            found.append(wanted)
    return found


def _decoded(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding)
    for line in content.splitlines()[:2]:
        if line.startswith(b"#") and (coding := _CODING.search(line)):
            return content.decode(coding[1].decode("ascii"))
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode(locale.getpreferredencoding(False))


def _whole_lines(text: str) -> list[tuple[int, str]]:
    """Return lines with their numbers; one that ends with a backslash goes on in the next."""
    found: list[tuple[int, str]] = []
    before, begin = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        begin = begin or number
        if line.endswith("\\") and not _COMMENT.search(line):
            before += line[:-1]
            continue
        found.append((begin, before + line))
        before, begin = "", 0
    return [*found, (begin, before)] if before else found
