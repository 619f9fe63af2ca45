"""Where model ConfigMaps, kdclusters and kdapps are kept: one interface, one class per place."""

from kd_pipeline.registry.base import Registry
from kd_pipeline.registry.folder import FolderRegistry
from kd_pipeline.registry.surroundings import open_registry

__all__ = ["FolderRegistry", "Registry", "open_registry"]
