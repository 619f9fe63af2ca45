"""Commands of `kd` that other packages bring, found through entry points and not by name.

An entry point of the group ``kd.commands`` is a function that returns, for each command, its name,
its help, the title under which `kd --help` lists it, and a function that takes the words after the
name and returns the exit status.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Any

import typer
from typer.core import TyperCommand

GROUP = "kd.commands"


class Unparsed(TyperCommand):
    """A command that gets its words, ``--help`` among them, as they were typed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Leave the words to the command."""
        ctx.args = list(args)
        return args


def mount(app: typer.Typer) -> None:
    """Add the commands of all entry points to ``app``."""
    for point in sorted(entry_points(group=GROUP), key=lambda found: found.name):
        for name, told, panel, run in point.load()():
            app.command(name, cls=Unparsed, help=told, rich_help_panel=panel)(_command(run))


def _command(run: Callable[[Sequence[str]], int]) -> Callable[[typer.Context], None]:
    def command(context: typer.Context) -> None:
        raise typer.Exit(run(context.args))

    return command
