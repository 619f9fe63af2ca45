"""What a job shows: objects and figures as nbformat output objects, appended to outputs.jsonl.

Each line is ``{"offset": <bytes of log before it>, "output": {…}}`` (nbformat 4.5, display_data,
execute_result, error), so that a view can put log and outputs in the order in which they came.
What is only text goes to the log, like a print.
"""

from __future__ import annotations

import builtins
import os
import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from typing import Any

LARGEST_OUTPUT = 8 * 1024 * 1024
LARGEST_OUTPUTS = 64 * 1024 * 1024
STDOUT = 1
REPRS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_latex_": "text/latex",
    "_repr_json_": "application/json",
}


class Outputs:
    """The outputs.jsonl of one job."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._job = os.getpid()
        self._full = False

    def display(self, *objects: Any, **options: Any) -> None:
        """Show objects as a notebook would; with ``raw=True`` they are MIME bundles already.

        ``display_id``, ``include`` and other options of IPython's display are accepted without
        effect.
        """
        for value in objects:
            bundle = dict(value) if options.get("raw") else mime_bundle(value)
            self._show(value, bundle, "display_data")

    def displayhook(self, value: Any) -> None:
        """Show the value of the code's last expression (`sys.displayhook`)."""
        if value is not None:
            builtins._ = value  # type: ignore[attr-defined]
            self._show(value, mime_bundle(value), "execute_result")

    def show_figures(self) -> None:
        """Show matplotlib's open figures and close them, as a notebook does after each cell."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None or not self.in_job():
            return
        for number in pyplot.get_fignums():
            self.display(pyplot.figure(number))
        pyplot.close("all")

    def in_job(self) -> bool:
        """Tell whether this is the job's own process, and no helper that its code forked.

        A helper would show its parent's figures again, and keep values in its parent's place.
        """
        return os.getpid() == self._job

    def append(self, output: dict[str, Any]) -> None:
        """Append one nbformat output object; beyond the size limits a sentence tells so."""
        import json

        sys.stdout.flush()
        sys.stderr.flush()
        offset = os.fstat(STDOUT).st_size
        content = {"offset": offset, "output": json_form(output)}
        line = json.dumps(content, allow_nan=False).encode() + b"\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            used = os.fstat(descriptor).st_size
            if len(line) > LARGEST_OUTPUT or used + len(line) > LARGEST_OUTPUTS:
                self._tell_too_large(len(line), used)
            else:
                os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _show(self, value: Any, bundle: dict[str, Any], output_type: str) -> None:
        if not bundle.keys() - {"text/plain"}:
            print(bundle.get("text/plain", repr(value)))
            return
        output: dict[str, Any] = {"output_type": output_type, "data": bundle, "metadata": {}}
        if output_type == "execute_result":
            output["execution_count"] = None
        self.append(output)

    def _tell_too_large(self, size: int, used: int) -> None:
        if used + size > LARGEST_OUTPUTS and self._full:
            return
        self._full = used + size > LARGEST_OUTPUTS
        limit = LARGEST_OUTPUTS if self._full else LARGEST_OUTPUT
        what = "All outputs of this job" if self._full else "An output"
        print(
            f"{what} would have {(used if self._full else 0) + size:,} bytes, {limit:,} are the "
            "limit: it is left out; save large figures and tables in the project repository.",
            file=sys.stderr,
        )


def json_form(value: Any) -> Any:
    """Return a value as JSON can hold it: what is no number as null, other objects as their text.

    Strict readers, such as browsers, refuse NaN, infinities and halves of surrogate pairs.
    """
    if isinstance(value, dict):
        return {str(json_form(key)): json_form(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_form(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if value - value == 0 else None
    if value is None or isinstance(value, bool | int):
        return value
    return str(value).encode(errors="replace").decode()


def mime_bundle(value: Any) -> dict[str, Any]:
    """Return the forms in which ``value`` can be shown, by MIME type (images in base64)."""
    if isinstance(value, type):
        return {"text/plain": repr(value)}
    if _is_figure(value):
        return {"text/plain": repr(value), "image/png": _png(value)}
    bundle: dict[str, Any] = {}
    rich = _call(value, "_repr_mimebundle_")
    if rich:
        bundle |= rich[0] if isinstance(rich, tuple) else rich
    for method, mime in REPRS.items():
        if mime not in bundle and (shown := _call(value, method)) is not None:
            bundle[mime] = shown[0] if isinstance(shown, tuple) else shown
    bundle.setdefault("text/plain", repr(value))
    return {mime: _encoded(shown) for mime, shown in bundle.items()}


def install(outputs: Outputs) -> None:
    """Make `display`, last expressions, matplotlib and IPython.display show in ``outputs``."""
    builtins.display = outputs.display  # type: ignore[attr-defined]
    sys.displayhook = outputs.displayhook
    sys.meta_path.insert(0, _AfterImport(outputs))


class _AfterImport:
    """Finds no module itself: lets the others find, and changes two modules once they are there.

    matplotlib gets the backend `job.matplotlib_backend` in this process only; programs that
    the job starts keep Agg of the environment. IPython's display is ours, as there is no IPython
    running that could show anything.
    """

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self._busy = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the module's own spec with a loader that calls us after loading."""
        if self._busy or name not in ("matplotlib", "IPython.core.display_functions"):
            return None
        from importlib.util import find_spec

        self._busy = True
        try:
            spec = find_spec(name)
        finally:
            self._busy = False
        if spec and spec.loader:
            load = spec.loader.exec_module

            def load_and_change(module: Any) -> None:
                load(module)
                self._change(module)

            spec.loader.exec_module = load_and_change  # type: ignore[method-assign]
        return spec

    def _change(self, module: Any) -> None:
        if module.__name__ == "matplotlib":
            if os.environ.get("MPLBACKEND", "").lower() == "agg":
                from kd_engines.training.job import matplotlib_backend

                matplotlib_backend.show_figures = self._outputs.show_figures
                sys.modules["kd_job_figures"] = matplotlib_backend
                module.rcParams["backend"] = "module://kd_job_figures"
        else:
            module.display = self._outputs.display


def _is_figure(value: Any) -> bool:
    return any(
        f"{c.__module__}.{c.__name__}" == "matplotlib.figure.Figure" for c in type(value).mro()
    )


def _png(figure: Any) -> str:
    from base64 import b64encode
    from io import BytesIO

    buffer = BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return b64encode(buffer.getvalue()).decode()


def _call(value: Any, method: str) -> Any:
    """Return what a display method gives; None where it is missing or fails (as in a notebook)."""
    function = getattr(value, method, None)
    if not callable(function):
        return None
    try:
        return function()
    except Exception:
        return None


def _encoded(shown: Any) -> Any:
    if isinstance(shown, bytes):
        from base64 import b64encode

        return b64encode(shown).decode()
    return shown
