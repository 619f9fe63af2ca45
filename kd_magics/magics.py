"""How the magics come and go: all are registered at once, and leave nothing behind."""

import importlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics

from kd_magics.cells.cluster_magics import ClusterMagics
from kd_magics.completion import Completer
from kd_magics.job_magics import JobMagics
from kd_magics.model_magics import ModelMagics
from kd_magics.overview_magics import OverviewMagics
from kd_magics.session import Session
from kd_magics.settings import KdMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_LOADED = "_kd_magics"
# What the first cell that is sent needs is imported by then, and has not kept %load_ext waiting.
NEEDED_SOON, SOON_S = "kd_magics.cells.submission", 1.0


@dataclass
class Loaded:
    """What was registered with a shell."""

    session: Session
    clusters: ClusterMagics
    settings: KdMagics
    completer: Completer
    lines: tuple[Magics, ...]


def line_magics(shell: Any, session: Session, clusters: ClusterMagics) -> tuple[Magics, ...]:
    """Return all our line magics, made for a shell: IPython's, or that of the command line."""
    return (
        JobMagics(shell, session, clusters),
        ModelMagics(shell, session),
        OverviewMagics(shell, session),
    )


def load(shell: "InteractiveShell") -> None:
    """Register our magics with a shell; loading twice is as once."""
    unload(shell)
    settings = KdMagics(config=shell.config)
    session = Session(shell, settings)
    clusters = ClusterMagics(session)
    lines = line_magics(shell, session, clusters)
    loaded = Loaded(session, clusters, settings, Completer(session, clusters), lines)
    shell.register_magics(*loaded.lines)
    configurables: list[Any] = shell.configurables
    configurables.append(settings)
    shell.Completer.custom_matchers.append(loaded.completer.match)
    shell.events.register("pre_run_cell", clusters.refresh)
    shell.input_transformers_cleanup.append(clusters.read_cell)
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
    configurables: list[Any] = shell.configurables
    configurables.remove(loaded.settings)
    shell.Completer.custom_matchers.remove(loaded.completer.match)
    loaded.clusters.unregister()
    loaded.session.stop_cards()
    lines = shell.magics_manager.magics["line"]
    for magics in loaded.lines:
        for name in magics.magics["line"]:
            if getattr(lines.get(name), "__self__", None) is magics:
                del lines[name]
    setattr(shell, _LOADED, None)
