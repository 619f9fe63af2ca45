"""Where model ConfigMaps, kdclusters and kdapps are kept: one interface, one class per place."""

import os

from kd_pipeline.connections_file import kd_home
from kd_pipeline.registry.base import Registry
from kd_pipeline.registry.folder import FolderRegistry

__all__ = ["FolderRegistry", "Registry", "open_registry"]


def open_registry() -> Registry:
    """Return the registry of the surroundings: ``KD_REGISTRY``'s folder, or that of ``kd up``."""
    return FolderRegistry(os.environ.get("KD_REGISTRY") or kd_home() / "manifests")
