"""TAB after a magic of ours: its flags, and what its arguments can be, from its own parser."""

import argparse
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from kd_magics.catalogue import MAGICS
from kd_magics.cells.cluster_magics import ClusterMagics
from kd_magics.options import Options
from kd_magics.session import Session

if TYPE_CHECKING:
    from kd_magics.candidates import Candidates

HELP = "--help"
# "%jobs --st" and "found = %jobs --st"
_LINE = re.compile(r"\s*(?:[\w.,\[\] ]+=\s*)?(%%?)([^\s%=?]+)\s(.*)", re.DOTALL)


class Completer:
    """Completes the lines of our magics; registered with IPython as a matcher."""

    def __init__(self, session: Session, clusters: ClusterMagics) -> None:
        self._session, self._clusters = session, clusters

    @cached_property
    def _candidates(self) -> "Candidates":
        from kd_magics.candidates import Candidates  # at the first TAB, not at %load_ext

        return Candidates(self._session)

    @context_matcher(identifier="kd_magics")  # type: ignore[untyped-decorator]
    def match(self, context: CompletionContext) -> SimpleMatcherResult:
        """Return what can stand at the cursor; nothing where the line is no magic of ours."""
        fragment, found = self.complete(context.text_until_cursor)
        return SimpleMatcherResult(
            completions=[SimpleCompletion(text=text, type="magic") for text in found],
            matched_fragment=fragment,
            ordered=True,
            suppress=bool(found),
        )

    def complete(self, line: str) -> tuple[str, list[str]]:
        """Return the word that a line ends with, and what it can become, best first."""
        if line.lstrip().startswith("%%"):
            self._clusters.refresh()  # what was attached since the last cell is offered too
        matched = _LINE.match(line)
        parser = self._parser(matched[1], matched[2]) if matched else None
        if not matched or parser is None:
            return "", []
        *words, fragment = re.split(r"\s+", matched[3])
        flag, equals, value = fragment.partition("=")
        if equals and flag.startswith("--"):
            words, fragment = [*words, flag], value
        words = [word for word in words if word]
        found = self._found(parser, words, fragment)
        return fragment, [text for text in dict.fromkeys(found) if text.startswith(fragment)]

    def _parser(self, signs: str, name: str) -> Options | None:
        if signs == "%%":
            from kd_magics.cells import cell_options

            return cell_options.parser(name) if self._is_cluster(name) else None
        return MAGICS[name].parser() if name in MAGICS else None

    def _is_cluster(self, name: str) -> bool:
        return name in self._clusters.names.clusters

    def _found(self, parser: Options, words: Sequence[str], fragment: str) -> Iterator[str]:
        actions = parser.actions()
        expected = _expected(actions, words)
        if fragment.startswith("-"):
            yield from _flags(actions, words)
        elif expected is not None:
            yield from self._candidates.of(parser.command, expected, fragment)
        elif not fragment:
            yield from _flags(actions, words)


def _expected(actions: Sequence[argparse.Action], words: Sequence[str]) -> argparse.Action | None:
    """Return whose value the next word is: that of the last flag, or of a positional argument."""
    flags = {flag: action for action in actions for flag in action.option_strings}
    positionals = [action for action in actions if not action.option_strings]
    waiting: argparse.Action | None = None
    for word in words:
        if word.startswith("-"):
            waiting = flags.get(word)
            waiting = waiting if waiting and waiting.nargs != 0 else None
        elif waiting:
            waiting = waiting if waiting.nargs in ("*", "+") else None
        elif positionals and positionals[0].nargs not in ("*", "+"):
            positionals.pop(0)
    return waiting or (positionals[0] if positionals else None)


def _flags(actions: Sequence[argparse.Action], words: Sequence[str]) -> Iterator[str]:
    """Yield the long flags that are not there yet, those that may be repeated always."""
    for action in actions:
        repeats = type(action).__name__ == "_AppendAction"
        if repeats or not any(flag in words for flag in action.option_strings):
            yield from (flag for flag in action.option_strings if flag.startswith("--"))
    yield HELP
