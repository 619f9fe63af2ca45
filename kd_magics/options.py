"""The line after a magic: its words, its JSON values and its options; all errors are BadOptions.

IPython's own argument parser raises UsageError, which a notebook run by nbval takes for success.
Its expansion of ``{variable}`` tears JSON apart, so the magics switch it off and words are
expanded here, JSON values excepted.
"""

import argparse
import json
import keyword
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from IPython.utils.text import DollarFormatter

from kd_client.errors import BadOptions
from kd_magics import face
from kd_magics.catalogue import MAGICS

# One word of a command line, with quoted parts.
_WORD = re.compile(r"""(?:[^\s"'\\]|"(?:[^"\\]|\\.)*"|'[^']*'|\\.)+""", re.DOTALL)
_CERTAINLY_JSON = re.compile(r"""[{\[]\s*["'\[{]""")  # {name} is a variable
_ASSIGNED = re.compile(r"(?:--?[a-z][\w-]*=)?[A-Za-z_]\w*=")  # lr={"a": 1}
_SECRET = re.compile(r"--?(auth-?)?(token|password|pwd|secret|x-auth-token)(=.*)?", re.IGNORECASE)


class Options(argparse.ArgumentParser):
    """A parser of a command's options; ``typed`` is how it is typed, where not as usual."""

    def __init__(self, command: str, typed: str = "") -> None:
        super().__init__(prog=typed or face.typed(command), add_help=False, allow_abbrev=False)
        self.command = command
        self.takes_arguments = False  # what comes after -- is another program's

    def error(self, message: str) -> NoReturn:
        """Raise BadOptions."""
        more = f" See {face.help_of(self.command)}" if self.command in MAGICS else ""
        raise BadOptions(f"{self.prog}: {message}. Usage: {self._usage()}.{more}")

    def read(self, line: str, variables: Mapping[str, Any] | None = None) -> argparse.Namespace:
        """Return the options of a line, in which ``{name}`` and ``$name`` are variables."""
        return self.read_words(split_line(line, variables or {}, self.prog))

    def read_words(self, words: Sequence[str]) -> argparse.Namespace:
        """Return the options of words that a shell has split; raises BadOptions.

        What comes after ``--`` is in ``arguments``, where this parser takes some.
        """
        if self.takes_arguments and "--" in words:
            end = list(words).index("--")
            arguments = list(words[end + 1 :])
            return argparse.Namespace(**vars(self.read_words(words[:end])), arguments=arguments)
        if any(_SECRET.fullmatch(word) for word in words):
            raise BadOptions(
                f"{self.prog} takes no token: the engines' tokens come from configmeta.json. "
                "Never write one where it is saved and shared."
            )
        return self.parse_args(self._options_first(words))

    def actions(self) -> list[argparse.Action]:
        """Return the arguments that this parser knows, in their order."""
        return list(self._actions)

    def _options_first(self, words: Sequence[str]) -> Sequence[str]:
        """Return the words with the options before the rest.

        argparse takes an optional argument for missing where an option stands before it. An option
        of many values could not be told from the rest; who has one has nothing else on the line.
        """
        if any(a.nargs not in (None, 0) for a in self._option_string_actions.values()):
            return words
        options: list[str] = []
        others: list[str] = []
        rest = iter(words)
        for word in rest:
            action = self._option_string_actions.get(word.partition("=")[0])
            (others if action is None else options).append(word)
            if action and action.nargs is None and "=" not in word:
                value = next(rest, None)
                if value is None:
                    self.error(f"argument {word}: expected one argument")
                options.append(value)
        return [*options, *others]

    def _usage(self) -> str:
        return " ".join(self.format_usage().removeprefix("usage: ").split())


def split_line(line: str, variables: Mapping[str, Any], typed: str) -> list[str]:
    """Split a line into words as a shell would, but keep each JSON object or list whole."""
    words: list[str] = []
    position, decoder = 0, json.JSONDecoder()
    while True:
        while position < len(line) and line[position].isspace():
            position += 1
        if position == len(line):
            return words
        begin = _ASSIGNED.match(line, position)
        value = begin.end() if begin else position
        if line[value : value + 1] in ("{", "["):
            try:
                _, end = decoder.raw_decode(line, value)
            except (ValueError, RecursionError) as error:
                if not begin and _CERTAINLY_JSON.match(line, value):
                    raise BadOptions(_no_json(typed, line[value:], error)) from None
            else:
                if not begin or not line[end : end + 1].strip():  # more may follow: [1],[2]
                    words.append(line[position:end])
                    position = end
                    continue
        word = _WORD.match(line, position)
        if word is None:
            raise BadOptions(f"{typed}: a quote is not closed at {line[position:][:40]!r}.")
        plain_word = shlex.split(word.group())[0]
        as_it_is = word.group().startswith("'")  # as in a shell
        words.append(plain_word if as_it_is else _expanded(plain_word, variables))
        position = word.end()


def json_option(text: str, variables: Mapping[str, Any], what: str) -> Any:
    """Return the JSON value of an option, or the value of the variable that it names.

    DataFrames become lists of rows, arrays lists, NumPy's numbers plain ones. Raises BadOptions.
    """
    is_name = text.isidentifier() and not keyword.iskeyword(text) and text not in ("true", "false")
    if is_name and not face.in_terminal():
        if text not in variables:
            if text == "null":
                return None
            raise BadOptions(f"{what} names {text!r}, but there is no variable of that name.")
        return plain(variables[text], what)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadOptions(_no_json(what, text, error)) from None


def plain(value: Any, what: str) -> Any:
    """Return a value in plain JSON types; raises BadOptions where it has none."""
    import msgspec

    try:
        return msgspec.to_builtins(_table_rows(value), enc_hook=_plain, str_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadOptions(f"{what} cannot be written as JSON: {error}.") from None


def seconds(text: str) -> float:
    """Read a positive number of seconds (an argparse type)."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value


def count(text: str) -> int:
    """Read a whole number from 1 (an argparse type)."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def model_version(text: str) -> tuple[str, str]:
    """Read ``NAME/VERSION`` (an argparse type)."""
    name, slash, version = text.partition("/")
    if not (name and slash and version) or "/" in version:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME/VERSION, such as taxi/1")
    return name, version


def _no_json(what: str, text: str, error: Exception) -> str:
    variable = "" if face.in_terminal() else ", or give the name of a variable"
    return f'{what}: no JSON ({error}): {text[:80]!r}. Write it like {{"distance": 1.5}}{variable}.'


def _expanded(word: str, variables: Mapping[str, Any]) -> str:
    if not {"$", "{", "}"} & {*word}:
        return word  # IPython takes half a minute to find that out of a long text
    try:
        json.loads(word)
    except (ValueError, RecursionError):
        pass
    else:
        return word  # {"mae": 20} would be taken for a format of "mae", 20 characters wide
    try:
        return str(DollarFormatter().vformat(word, args=[], kwargs=variables))
    except Exception:
        # As IPython does: what is no expression over the user's variables stays as it is written.
        return word


def _table_rows(value: Any) -> Any:
    return value.to_dict("records") if type(value).__name__ == "DataFrame" else value


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # NumPy's arrays and numbers, pandas' Series
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} has no JSON form")
