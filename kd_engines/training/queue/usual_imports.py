"""Which libraries jobs have imported of late, as their code says, so that a warm parent has them.

What a job's modules import in their turn is not looked at.
"""

import re
import sys
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

RECENT = 200  # jobs
LONGEST = 1 << 20  # bytes of a job's code that are looked at
MOST = 100  # names
_MODULE = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_ALIASED = rf"{_MODULE}(?:[ \t]+as[ \t]+\w+)?"
_IMPORT = re.compile(
    rf"^[ \t]*(?:import[ \t]+({_ALIASED}(?:[ \t]*,[ \t]*{_ALIASED})*)"
    rf"|from[ \t]+({_MODULE})[ \t]+import\b[ \t]*\(?([\w, \t\r\n]*))",
    re.MULTILINE,
)
# What changes the environment may be meant for a library that is imported after it.
_SETS_VARIABLES = re.compile(
    r"environ\s*(?:\[[^\]]*\]\s*=(?!=)|\.\s*(?:update|setdefault|pop|popitem|clear)\b|\|=)"
    r"|del\s+\w+\.environ|putenv|unsetenv|dotenv"
)


@dataclass(frozen=True)
class Imports:
    """What a job's code imports: ``names`` of modules, and of what is taken from them.

    ``sets_variables`` tells that the code changes its environment.
    """

    names: tuple[str, ...]
    sets_variables: bool

    @property
    def packages(self) -> set[str]:
        """The first parts of the names that are no part of Python."""
        return {name.partition(".")[0] for name in self.names}


def imports_of(code: str) -> Imports:
    """Return what code imports at the beginning of a line, Python's own modules left out."""
    names: dict[str, None] = {}
    for plain, module, taken in _IMPORT.findall(code):
        if plain:
            names |= dict.fromkeys(one.split()[0] for one in plain.split(","))
        else:
            # `from a import b` may be of a module a.b.
            parts = [part.split()[0] for part in taken.split(",") if part.strip()]
            names |= dict.fromkeys([module, *(f"{module}.{part}" for part in parts)])
    others = (n for n in names if n.partition(".")[0] not in sys.stdlib_module_names)
    return Imports(tuple(others), _SETS_VARIABLES.search(code) is not None)


class UsualImports:
    """The imports of the last jobs."""

    def __init__(self) -> None:
        self._jobs: deque[tuple[str, ...]] = deque(maxlen=RECENT)

    def saw(self, names: Iterable[str]) -> None:
        """Count what a job that starts now imports."""
        names = tuple(names)
        if names:
            self._jobs.append(names)

    def usual(self) -> list[str]:
        """Return the names that most jobs have imported, and those first."""
        counted = Counter(name for job in self._jobs for name in job)
        return [name for name, _ in counted.most_common(MOST)]
