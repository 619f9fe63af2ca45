"""A log's bytes as text for the screen: decoded, as a terminal shows it, filtered by a pattern."""

import codecs
import re

from kd_client.terminal.terminal_text import TerminalText
from kd_client.terminal.text_style import without_style


class LogText:
    """One log's text in any chunking; with ``pattern`` only the finished lines that match it."""

    def __init__(self, pattern: re.Pattern[str] | None = None) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._terminal = TerminalText()
        self._pattern = pattern

    def feed(self, content: bytes) -> str:
        """Take bytes; return what is to be printed of the lines that they finish."""
        return self._matching(self._terminal.feed(self._decoder.decode(content)))

    def feed_text(self, content: bytes) -> str:
        """Take bytes; return them as text as it came, for a reader that is no screen."""
        text = self._decoder.decode(content)
        self._terminal.feed(text)
        return text

    def newest(self) -> list[str]:
        """Return the newest lines, with their colours; the last one may not be finished."""
        return self._terminal.lines()

    def update(self) -> str:
        """Return what redraws the line that is not finished; ``""`` where it did not change."""
        return "" if self._pattern else self._terminal.update()

    def close(self) -> str:
        """Return what is left to print at the end of the log."""
        rest = self._terminal.feed(self._decoder.decode(b"", final=True))
        return self._matching(rest + self._terminal.close())

    def _matching(self, text: str) -> str:
        if not self._pattern or not text:
            return text
        search = self._pattern.search
        return "".join(line for line in lines_of(text) if search(without_style(line[:-1])))


def lines_of(text: str) -> list[str]:
    """Split finished lines, each with its end (``splitlines`` knows of ends that are none here)."""
    return [line + "\n" for line in text.split("\n")[:-1]]
