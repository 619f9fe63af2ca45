"""HoloViews objects as pages: their own way to display needs a kernel, which a job has not."""

import html
from io import BytesIO
from typing import Any

FRAME = (
    '<iframe sandbox="allow-scripts" srcdoc="{}" '
    'style="width: 100%; height: {}px; border: 0"></iframe>'
)
HEIGHT = 420


def bundle(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the backend of ``hv.extension`` makes of an object: data and metadata."""
    import holoviews

    backend = holoviews.Store.current_backend
    if backend not in holoviews.Store.renderers:
        return {}, {}
    if backend == "matplotlib":
        image, _ = holoviews.renderer(backend)(value, fmt="png")
        return {"image/png": image}, {}
    page = BytesIO()
    holoviews.save(value, page, fmt="html", backend=backend, resources="cdn")
    return {"text/html": FRAME.format(html.escape(page.getvalue().decode()), HEIGHT)}, {}
