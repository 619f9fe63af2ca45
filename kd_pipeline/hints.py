"""What to do next, as data: each face of the product words it as it is typed there."""

import shlex
from dataclasses import dataclass

# Sending code: the words are options, the same for a cell and for `kd train`.
TRAIN = "train"


@dataclass(frozen=True)
class Hint:
    """A command, the words after it, and what it ``does``, such as "lists them".

    Without ``does`` it is what to look at. A word in capitals stands for one of the user's.
    """

    command: str
    words: tuple[str, ...] = ()
    does: str = ""

    def in_notebook(self) -> str:
        """Return it as a notebook's user types it: ``%logs 9 shows its log.``"""
        return self._sentence(self._option() or as_magic(self.command, *self.words))

    def in_terminal(self) -> str:
        """Return it as it is typed into a shell: ``kd logs 9 shows its log.``"""
        return self._sentence(self._option() or as_command(self.command, *self.words))

    def _option(self) -> str:
        return " ".join(self.words) if self.command == TRAIN else ""

    def _sentence(self, typed: str) -> str:
        return f"{typed} {self.does}." if self.does else f"See {typed}."


# For a value that no other form would bring back as it was.
AS_PICKLE = Hint(TRAIN, ("--pickle",), "sends it as a pickle")


def as_magic(command: str, *words: str) -> str:
    """Return a command and its words as the line of a magic."""
    return " ".join((f"%{command}", *words))


def as_command(command: str, *words: str) -> str:
    """Return a command and its words as a line for a shell."""
    return shlex.join(("kd", command, *words))
