"""Which libraries jobs have imported of late, as their code says, so that a warm parent has them.

What a job's modules import in their turn is not looked at.
"""

import re
import sys
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

RECENT = 200  # jobs
LONGEST = 1 << 18  # bytes of a job's code that are looked at
MOST, LONGEST_NAME = 100, 100  # names, and characters of one
_MODULE = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_ALIASED = rf"{_MODULE}(?:[ \t]+as[ \t]+\w+)?"
_IMPORT = re.compile(
    rf"(?:^|;)[ \t]*(?:import[ \t]+({_ALIASED}(?:[ \t]*,[ \t]*{_ALIASED})*)"
    rf"|from[ \t]+({_MODULE})[ \t]+import\b[ \t]*(?:\(([\w, \t\r\n]*)|([\w, \t]*)))",
    re.MULTILINE,
)
# What changes the environment, or where modules come from, may be meant for a library that is
# imported after it. Reading a variable is not.
_SPECIAL = re.compile(
    r"environ\b(?!\s*(?:\[[^\[\]\n]{0,200}\](?!\s*=[^=])|\.\s*get\b))|putenv|unsetenv|dotenv"
    r"|\bdel\s+[\w.]{0,100}(?:environ|sys\.modules)"
    r"|sys\.(?:modules|meta_path|path_hooks|path)\s*(?:\[[^\[\]\n]{0,200}\]\s*)?\+?=(?!=)"
    r"|sys\.(?:modules|path)\.(?:insert|extend|remove|pop|update|setdefault|clear)"
    r"|sys\.(?:meta_path|path_hooks)\.\w"
)


@dataclass(frozen=True)
class Imports:
    """What a job's code imports: ``names`` of modules, and of what is taken from them.

    ``is_special`` tells that the code may change what an import does.
    """

    names: tuple[str, ...]
    is_special: bool

    @property
    def packages(self) -> set[str]:
        """The first parts of the names that are no part of Python."""
        return {name.partition(".")[0] for name in self.names}


def imports_of(code: str) -> Imports:
    """Return what code imports at the beginning of a statement, Python's own modules left out."""
    names: dict[str, None] = {}
    for plain, module, several, taken in _IMPORT.findall(code):
        if plain:
            names |= dict.fromkeys(one.split()[0] for one in plain.split(","))
        else:
            # `from a import b` may be of a module a.b.
            parts = [part.split()[0] for part in (several or taken).split(",") if part.strip()]
            names |= dict.fromkeys([module, *(f"{module}.{part}" for part in parts[:MOST])])
    others = [
        name
        for name in names
        if name.partition(".")[0] not in sys.stdlib_module_names and len(name) <= LONGEST_NAME
    ]
    return Imports(tuple(others[:MOST]), _SPECIAL.search(code) is not None)


class UsualImports:
    """The imports of the last jobs."""

    def __init__(self) -> None:
        self._jobs: deque[tuple[str, ...]] = deque(maxlen=RECENT)
        self._usual: list[str] | None = []

    def saw(self, names: Iterable[str]) -> None:
        """Count what a job that starts now imports."""
        names = tuple(names)
        if names:
            self._jobs.append(names)
            self._usual = None

    def usual(self) -> list[str]:
        """Return the names that most jobs have imported, and those first."""
        if self._usual is None:
            counted = Counter(name for job in self._jobs for name in job)
            self._usual = [name for name, _ in counted.most_common(MOST)]
        return self._usual
