"""The forms in which an object can be shown, as IPython finds them; an object's own code may fail.

What fails is told in the log and left out, and never decides how the job ends.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Bundle = tuple[dict[str, Any], dict[str, Any]]  # data and metadata by MIME type, as nbformat's

REPRS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_pdf_": "application/pdf",
    "_repr_jpeg_": "image/jpeg",
    "_repr_latex_": "text/latex",
    "_repr_json_": "application/json",
    "_repr_javascript_": "application/javascript",
}
CANARY = "_ipython_canary_method_should_not_exist_"
TEXT = "text/plain"


def mime_bundle(
    value: Any, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
) -> Bundle | None:
    """Return the forms of ``value``; None where it has shown itself (``_ipython_display_``).

    Images are in base64. Both are empty where nothing of it could be shown, which was told.
    """
    if shows_itself := _method(value, "_ipython_display_"):
        shown = object()
        if _attempt(value, "_ipython_display_", lambda: (shows_itself(), shown)[1]) is shown:
            return None
    data, metadata = _rich(value, include, exclude)
    for method, mime in REPRS.items():
        if mime in data or (call := _method(value, method)) is None:
            continue
        form = _attempt(value, method, call)
        if isinstance(form, tuple) and len(form) == 2:
            form, metadata[mime] = form
        if form is not None:
            data[mime] = form
    if TEXT not in data and (text := _attempt(value, "__repr__", lambda: repr(value))) is not None:
        data[TEXT] = text
    wanted = {m for m in data if (not include or m in include) and m not in (exclude or ())}
    return (
        {mime: _encoded(form) for mime, form in data.items() if mime in wanted},
        {key: about for key, about in metadata.items() if key in wanted or key not in data},
    )


def _rich(value: Any, include: Any, exclude: Any) -> Bundle:
    """Return what a figure or ``_repr_mimebundle_`` gives, without the other methods' forms."""
    if _is_a(value, "matplotlib.figure", "Figure"):
        png = _attempt(value, "savefig", lambda: _png(value))
        return ({"image/png": png} if png else {}), {}
    if _is_a(value, "holoviews.core.dimension", "Dimensioned"):
        from kd_engines.training.job import holoviews_forms

        return _attempt(value, "render", lambda: holoviews_forms.bundle(value)) or ({}, {})
    call = _method(value, "_repr_mimebundle_")
    if call is None:
        return {}, {}
    found = _attempt(value, "_repr_mimebundle_", lambda: _called(call, include, exclude))
    data, metadata = found if isinstance(found, tuple) and len(found) == 2 else (found, {})
    if not isinstance(data, dict):
        return {}, {}
    return dict(data), dict(metadata) if isinstance(metadata, dict) else {}


def _called(call: Callable[..., Any], include: Any, exclude: Any) -> Any:
    import inspect

    try:
        inspect.signature(call).bind(include=include, exclude=exclude)
    except TypeError:
        return call()
    except ValueError:  # a method of C tells of no arguments
        pass
    return call(include=include, exclude=exclude)


def _method(value: Any, name: str) -> Callable[..., Any] | None:
    """Return an object's display method; classes, and what has every attribute, have none."""
    if isinstance(value, type):
        return None
    try:
        if getattr(value, CANARY, None) is not None:
            return None
        method = getattr(value, name, None)
        return method if callable(method) else None
    except Exception:
        return None


def _attempt(value: Any, method: str, call: Callable[[], Any]) -> Any:
    """Return what ``call`` gives; where it fails the log tells so, and it is None."""
    try:
        return call()
    except NotImplementedError:  # as IPython takes it: the object has no such form
        return None
    except Exception as error:
        import traceback

        kind = type(value).__name__
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, trace)
        print(f"The {kind} is not shown as it would be: its {method} failed.", file=sys.stderr)
        return None


def _is_a(value: Any, module: str, name: str) -> bool:
    """Tell whether an object is of a class, which is not imported for that."""
    found = getattr(sys.modules.get(module), name, None)
    return isinstance(found, type) and issubclass(type(value), found)


def _png(figure: Any) -> str:
    from base64 import b64encode
    from io import BytesIO

    buffer = BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return b64encode(buffer.getvalue()).decode()


def _encoded(form: Any) -> Any:
    if isinstance(form, bytes):
        from base64 import b64encode

        return b64encode(form).decode()
    return form
