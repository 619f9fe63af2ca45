"""The settings of the magics: ``%config KdMagics`` shows each with its value and its source.

A value comes from ``%config KdMagics.name = value`` in this notebook, else from the environment
variable ``KD_NAME``, else from IPython's config file (``c.KdMagics.name = value``), else it is the
default.
"""

import os
from typing import Any

from traitlets import Bool, Float, HasTraits, Int, TraitError, Unicode
from traitlets.config import Config, Configurable

from kd_pipeline.errors import InvalidInput

DEFAULT, FILE, HERE = "default", "config file", "set in this notebook"


class KdMagics(Configurable):
    """The settings of %attachments, %%<cluster>, %logs and the other magics of kd-magics."""

    card = Bool(True, help="Show a live card below a cell that sends a job.").tag(config=True)
    preflight = Bool(
        True, help="Look for mistakes before a cell is sent: names, imports, files."
    ).tag(config=True)
    tail = Int(1000, min=1, help="How many of a log's last lines %logs shows.").tag(config=True)
    most_shown_bytes = Int(
        1024 * 1024, min=1024, help="How much of one log goes into the notebook at most."
    ).tag(config=True)
    updates_per_second = Float(
        5.0, min=0.1, max=20.0, help="How often a followed log is updated."
    ).tag(config=True)
    notify_after_s = Float(
        60.0, min=0.0, help="Tell the browser when a job of so many seconds ends; 0 is never."
    ).tag(config=True)
    connect_timeout_s = Float(
        3.0, min=0.1, help="How many seconds an engine may take to accept a connection."
    ).tag(config=True)
    default_cluster = Unicode(
        "", help="The training cluster that is meant where none is named."
    ).tag(config=True)

    def __init__(self, **options: Any) -> None:
        self._sources: dict[str, str] = {}
        super().__init__(**options)
        for name in self.config.get(type(self).__name__, {}):
            self._sources[name] = FILE
        for name in self.trait_names(config=True):
            self._take_environment(name)

    def source(self, name: str) -> str:
        """Return where a setting's value comes from."""
        return self._sources.get(name, DEFAULT)

    def update_config(self, config: Config) -> None:
        """Take values from %config (IPython calls this for each line of it)."""
        given = dict(config.get(type(self).__name__, {}))
        super().update_config(config)
        for name in given:
            if name in self.trait_names(config=True):
                self._sources[name] = HERE

    @classmethod
    def class_get_help(cls, inst: HasTraits | None = None) -> str:
        """Return what ``%config KdMagics`` prints: every setting, its value and its source."""
        shown = inst if isinstance(inst, KdMagics) else cls()
        lines = [str(cls.__doc__), ""]
        for name, trait in sorted(cls.class_traits(config=True).items()):
            lines += [
                f"{cls.__name__}.{name} = {getattr(shown, name)!r}",
                f"    {trait.help}",
                f"    From: {shown.source(name)}. Default: {trait.default()!r}. "
                f"Environment: {variable(name)}.",
            ]
        return "\n".join(lines)

    def _take_environment(self, name: str) -> None:
        """Set a value from its environment variable; raises InvalidInput, which names it."""
        text = os.environ.get(variable(name))
        if text is None:
            return
        trait = self.traits()[name]
        try:
            # A bool's text form is "1", "true", "0", "false" in any case; numbers as in Python.
            setattr(self, name, trait.from_string(text))
        except (TraitError, ValueError):
            kind = trait.info().removeprefix("a ").removeprefix("an ")
            raise InvalidInput(
                f"The environment variable {variable(name)} is {text[:40]!r}, which is not a "
                f"valid {kind} for KdMagics.{name}. {trait.help} Change it, or unset it."
            ) from None
        self._sources[name] = f"environment {variable(name)}"


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"KD_{name.upper()}"
