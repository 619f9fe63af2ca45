"""How the magics come and go: all are registered at once, and leave nothing behind."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from IPython.core.magic import Magics

from kd_magics.cluster_magics import ClusterMagics
from kd_magics.job_magics import JobMagics
from kd_magics.model_magics import ModelMagics
from kd_magics.session import Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_LOADED = "_kd_magics"


@dataclass
class Loaded:
    """What was registered with a shell."""

    clusters: ClusterMagics
    lines: tuple[Magics, ...]


def load(shell: "InteractiveShell") -> None:
    """Register our magics with a shell; loading twice is as once."""
    unload(shell)
    session = Session(shell)
    clusters = ClusterMagics(session)
    loaded = Loaded(clusters, (JobMagics(shell, session, clusters), ModelMagics(shell, session)))
    shell.register_magics(*loaded.lines)
    shell.events.register("pre_run_cell", clusters.refresh)
    shell.input_transformers_cleanup.append(clusters.read_cell)
    setattr(shell, _LOADED, loaded)
    clusters.refresh()


def unload(shell: "InteractiveShell") -> None:
    """Take our magics and our hooks away from a shell; what was never loaded is left alone."""
    loaded: Loaded | None = getattr(shell, _LOADED, None)
    if loaded is None:
        return
    shell.events.unregister("pre_run_cell", loaded.clusters.refresh)
    shell.input_transformers_cleanup.remove(loaded.clusters.read_cell)
    loaded.clusters.unregister()
    lines = shell.magics_manager.magics["line"]
    for magics in loaded.lines:
        for name in magics.magics["line"]:
            if getattr(lines.get(name), "__self__", None) is magics:
                del lines[name]
    setattr(shell, _LOADED, None)
