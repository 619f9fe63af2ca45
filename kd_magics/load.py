"""How the magics come and go: all are registered at once, and leave nothing behind."""

import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kd_magics.catalogue import MAGICS, Command, asks_for_help
from kd_magics.cells.cluster_magics import ClusterMagics
from kd_magics.cells.local_paths import LocalPaths
from kd_magics.completion import Completer
from kd_magics.former_magics import former_magics
from kd_magics.session import Session
from kd_magics.settings import KdMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_LOADED = "_kd_magics"
# What the first cell that is sent needs is imported by then, and has not kept %load_ext waiting.
NEEDED_SOON, SOON_S = "kd_magics.cells.submission", 1.0
LineMagic = Callable[[str], Any]


@dataclass
class Loaded:
    """What was registered with a shell."""

    session: Session
    clusters: ClusterMagics
    settings: KdMagics
    completer: Completer
    lines: dict[str, LineMagic]
    local_paths: LocalPaths


def load(shell: "InteractiveShell") -> None:
    """Register our magics with a shell; loading twice is as once."""
    unload(shell)
    settings = KdMagics(config=shell.config)
    session = Session(shell, settings)
    clusters = ClusterMagics(session)
    known = shell.magics_manager.magics["line"]
    lines = {name: _line_magic(command, session) for name, command in MAGICS.items()}
    lines |= former_magics(known)
    completer = Completer(session, clusters)
    loaded = Loaded(session, clusters, settings, completer, lines, LocalPaths())
    known.update(lines)
    configurables: list[Any] = shell.configurables
    configurables.append(settings)
    shell.Completer.custom_matchers.append(loaded.completer.match)
    shell.events.register("pre_run_cell", clusters.refresh)
    shell.input_transformers_cleanup.append(clusters.read_cell)
    transformers: list[Any] = shell.ast_transformers
    transformers.append(loaded.local_paths)
    setattr(shell, _LOADED, loaded)
    clusters.refresh()
    soon = threading.Timer(SOON_S, importlib.import_module, [NEEDED_SOON])
    soon.daemon = True
    soon.start()


def unload(shell: "InteractiveShell") -> None:
    """Take our magics and our hooks away from a shell; what was never loaded is left alone."""
    loaded: Loaded | None = getattr(shell, _LOADED, None)
    if loaded is None:
        return
    shell.events.unregister("pre_run_cell", loaded.clusters.refresh)
    shell.input_transformers_cleanup.remove(loaded.clusters.read_cell)
    transformers: list[Any] = shell.ast_transformers
    if loaded.local_paths in transformers:
        transformers.remove(loaded.local_paths)
    configurables: list[Any] = shell.configurables
    configurables.remove(loaded.settings)
    shell.Completer.custom_matchers.remove(loaded.completer.match)
    loaded.clusters.unregister()
    loaded.session.stop_cards()
    lines = shell.magics_manager.magics["line"]
    for name, magic in loaded.lines.items():
        if lines.get(name) is magic:
            del lines[name]
    setattr(shell, _LOADED, None)


def _line_magic(command: Command, session: Session) -> LineMagic:
    """Return what IPython calls with the line behind a magic's name."""

    def run(line: str) -> Any:
        if asks_for_help(line):
            print(command.help())
            return None
        return command.run(session, command.parser().read(line, session.shell.user_ns))

    run.__name__, run.__doc__ = command.name, command.summary
    run.getdoc = command.help  # type: ignore[attr-defined]  # what IPython shows for %name?
    # Our options expand variables themselves, see kd_magics.options.
    run._ipython_magic_no_var_expand = True  # type: ignore[attr-defined]
    return run
