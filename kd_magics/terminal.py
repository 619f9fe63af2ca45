"""The commands of a terminal: ``kd jobs`` is ``%jobs``, ``kd train`` sends a file as a job.

The command `kd` finds them through the entry-point group ``kd.commands``. Each gets its words as
they were typed.
"""

import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kd_magics import face
from kd_magics.catalogue import COMMANDS, Command
from kd_pipeline.errors import InvalidInput, KdError
from kd_pipeline.hints import TRAIN

PANEL = "Jobs and models, as the magics of a notebook"
HELP, JSON = "--help", "--json"
INTERRUPTED, CUT_OFF = 130, 141  # as a shell tells SIGINT and SIGPIPE

Mounted = tuple[str, str, str, Callable[[Sequence[str]], int]]


class TerminalShell:
    """What a session needs of a shell: no variables, and where the code of a job comes from.

    ``first_line`` is the line of the file at which it begins: there is no magic above it, as there
    is in a cell.
    """

    first_line = 1
    magics_manager = None

    def __init__(self, origin: dict[str, str]) -> None:
        self.user_ns: dict[str, Any] = {}
        self.origin = origin


def commands() -> list[Mounted]:
    """Return each command's name, help, panel and function, which returns the exit status."""
    return [
        (name, command.summary, PANEL, partial(run, name))
        for name, command in COMMANDS.items()
        if command.in_terminal
    ]


def run(name: str, words: Sequence[str]) -> int:
    """Run a command; an expected error is one line on standard error, and the status is 1."""
    with face.terminal():
        try:
            _run(COMMANDS[name], words)
            sys.stdout.flush()
        except KdError as error:
            told = face.whole(error)
            begin = "" if told.startswith(f"kd {name}: ") else f"kd {name}: "
            print(begin + told, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:  # whoever reads has seen enough, as `head` has
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return CUT_OFF
    return 0


def _run(command: Command, words: Sequence[str]) -> None:
    end = list(words).index("--") if "--" in words else len(words)
    own, rest = list(words[:end]), words[end:]  # the rest is for a script of the user's
    if HELP in own:
        print(command.help())
        return
    wants_json = JSON in own
    if wants_json and not command.has_data:
        raise InvalidInput(f"{JSON} is not for kd {command.name}, which prints text.")
    own = [word for word in own if word != JSON]
    options = command.parser().read_words([*own, *rest])
    session = _session(command.name, options)
    if wants_json:
        print(_document(command.data(session, options)))
        return
    # What is shown while a job runs is seen at once, also behind a pipe.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    value = command.run(session, options)
    if command.name == "predict" and not options.curl:
        print(value if isinstance(value, str) else _line(value))
    elif value is not None:
        print(value)


def _session(name: str, options: Any) -> Any:
    from kd_magics.session import Session
    from kd_magics.settings import KdMagics

    is_file = name == TRAIN and options.file != "-"
    origin = {"file": str(Path(options.file).resolve())} if is_file else {}
    session = Session(TerminalShell(origin), KdMagics())
    session.settings.card = False  # a terminal cannot redraw it
    return session


def _document(value: Any) -> str:
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(value), indent=1).decode()
    # What JSON may hold as it is, a terminal may take for a command.
    return re.sub(r"[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", _escaped, text)


def _escaped(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"


def _line(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=str)
