"""What a job shows: `display`, the last expression's value, figures, and IPython.display's ways.

What is only text goes to the log, like a print; the rest to `outputs`. Whatever an object's own
code does, showing it never decides how the job ends.
"""

from __future__ import annotations

import builtins
import os
import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from typing import Any

    from kd_engines.training.job.outputs import Outputs

TEXT = "text/plain"
WIDGET = "application/vnd.jupyter.widget-view+json"


class Display:
    """The display functions of one job."""

    def __init__(self, outputs: Outputs) -> None:
        self.outputs = outputs

    def install(self) -> None:
        """Make `display`, last expressions and the libraries that show things show here."""
        builtins.display = self.display  # type: ignore[attr-defined]
        sys.displayhook = self.displayhook
        sys.meta_path.insert(0, _AfterImport(self))

    def display(
        self,
        *objects: Any,
        include: Any = None,
        exclude: Any = None,
        metadata: dict[str, Any] | None = None,
        transient: dict[str, Any] | None = None,
        display_id: Any = None,
        raw: bool = False,
        clear: bool = False,
        update: bool = False,
        **_: Any,
    ) -> DisplayHandle | None:
        """Show objects as a notebook would (IPython.display.display, which has the same options).

        With ``raw=True`` they are MIME bundles already; with ``display_id`` a handle is returned
        that can change what is shown. ``clear`` has no meaning in a log.
        """
        from kd_engines.training.job.mime_bundles import mime_bundle

        display_id = (transient or {}).get("display_id") if display_id is None else display_id
        if update and display_id is None:
            raise TypeError("display_id required for update_display")
        if display_id is True:
            display_id = os.urandom(16).hex()
        for value in objects:
            bundle = (dict(value), {}) if raw else mime_bundle(value, include, exclude)
            if bundle is not None:
                about = {**bundle[1], **(metadata or {})}
                self._show((bundle[0], about), "display_data", display_id)
        return None if display_id is None else DisplayHandle(display_id, self)

    def update_display(self, value: Any, *, display_id: Any, **options: Any) -> None:
        """Show an object in the place of the one with this ``display_id``."""
        self.display(value, display_id=display_id, **{**options, "update": True})

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        transient: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Show a MIME bundle (IPython.display.publish_display_data)."""
        display_id = (transient or {}).get("display_id")
        self._show((dict(data), metadata or {}), "display_data", display_id)

    def displayhook(self, value: Any) -> None:
        """Show the value of the code's last expression (`sys.displayhook`)."""
        from kd_engines.training.job.mime_bundles import mime_bundle

        if value is not None:
            builtins._ = value  # type: ignore[attr-defined]
            bundle = mime_bundle(value)
            if bundle is not None:
                self._show(bundle, "execute_result")

    def show_figures(self) -> None:
        """Show matplotlib's open figures and close them, as a notebook does after each cell."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None or not self.outputs.in_job():
            return
        for number in pyplot.get_fignums():
            self.display(pyplot.figure(number))
        pyplot.close("all")

    def _show(
        self, bundle: tuple[dict[str, Any], dict[str, Any]], kind: str, display_id: Any = None
    ) -> None:
        data, metadata = bundle
        if WIDGET in data:
            from kd_engines.training.job import widgets

            widgets.show(data.pop(WIDGET), data)
        elif display_id is None and not data.keys() - {TEXT}:
            if TEXT in data:
                print(data[TEXT])
        else:
            output: dict[str, Any] = {"output_type": kind, "data": data, "metadata": metadata}
            if kind == "execute_result":
                output["execution_count"] = None
            self.outputs.append(output, display_id)


class DisplayHandle:
    """What `display` returns for a ``display_id``: changes what is shown under it."""

    def __init__(self, display_id: Any = None, shown: Display | None = None) -> None:
        self.display_id = os.urandom(16).hex() if display_id is None else display_id
        self._display = shown or builtins.display.__self__  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} display_id={self.display_id}>"

    def display(self, value: Any, **options: Any) -> None:
        """Show an object under this handle's id."""
        self._display.display(value, display_id=self.display_id, **options)

    def update(self, value: Any, **options: Any) -> None:
        """Show an object in the place of the one before."""
        self._display.update_display(value, display_id=self.display_id, **options)


# Modules that are changed once they are there, see `library_changes`.
CHANGED = ("matplotlib", "IPython.core.display_functions", "tqdm.notebook")


class _AfterImport:
    """Finds no module itself: lets the others find, and changes some once they are there."""

    def __init__(self, shown: Display) -> None:
        self._shown = shown
        self._finding = set[str]()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the module's own spec with a loader that calls us after loading."""
        if name not in CHANGED or name in self._finding:
            return None
        from importlib.util import find_spec

        self._finding.add(name)
        try:
            spec = find_spec(name)
        finally:
            self._finding.discard(name)
        if spec and spec.loader:
            load = spec.loader.exec_module

            def load_and_change(module: Any) -> None:
                from kd_engines.training.job import library_changes

                load(module)
                # What a module has put in its own place is what everybody gets.
                library_changes.change(sys.modules[name], self._shown)

            spec.loader.exec_module = load_and_change  # type: ignore[method-assign]
        return spec
