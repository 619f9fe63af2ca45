"""How a line magic of ours is made: its line comes as it was typed, and --help shows its help."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, cast

from IPython.core import magic

Method = Callable[[Any, str], Any]


def line_magic(method: Method) -> Method:
    """Make a method of a Magics class a line magic (a decorator).

    Our options expand variables themselves (see kd_magics.options), so IPython does not.
    """

    @functools.wraps(method)
    def run(self: Any, line: str) -> Any:
        if asks_for_help(line):
            print(inspect.getdoc(method))
            return None
        return method(self, line)

    marked: Any = magic.no_var_expand(magic.line_magic(run))
    return cast(Method, marked)


def asks_for_help(line: str) -> bool:
    """Tell whether ``--help`` is one of a line's words."""
    return "--help" in line.split()
