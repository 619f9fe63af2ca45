"""The help of a command, written once, for a notebook and for a terminal."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

from kd_magics import face

INDENT = "    "


@dataclass(frozen=True)
class Help:
    """What a command takes and does.

    ``usage`` and ``examples`` are what stands after the command's name. ``text`` is for all
    readers, what ``notebook`` and ``terminal`` have is for theirs. In texts, ``{logs}`` is how
    that command is typed.
    """

    usage: Sequence[str] = ("",)
    terminal_usage: Sequence[str] = ()
    text: str = ""
    notebook: str = ""
    terminal: str = ""
    examples: Sequence[str] = ()
    notebook_examples: Sequence[str] = ()
    terminal_examples: Sequence[str] = ()

    def render(self, name: str, summary: str, names: Sequence[str], cell: str = "") -> str:
        """Return the text for who reads; ``names`` are those of all commands.

        ``cell`` is how the command is typed where it is no line magic.
        """
        in_terminal = face.in_terminal()
        typed = cell or face.typed(name)
        words = {one: face.typed(one) for one in names}
        own = self.terminal if in_terminal else self.notebook
        examples = [
            *(self.terminal_examples if in_terminal else self.notebook_examples),
            *self.examples,
        ]
        parts = [
            summary,
            _lines(typed, (in_terminal and self.terminal_usage) or self.usage),
            *(inspect.cleandoc(text).format_map(words) for text in (own, self.text) if text),
        ]
        if examples:
            parts += ["Example:" if len(examples) == 1 else "Examples:", _lines(typed, examples)]
        return "\n\n".join(parts)


def _lines(typed: str, all_words: Sequence[str]) -> str:
    return "\n".join(INDENT + f"{typed} {words}".rstrip() for words in all_words)
