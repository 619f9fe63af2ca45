"""Where output goes: the notebook's front end, or a terminal that has no IPython."""

import sys
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from kd_pipeline import plain_text


def show_bundle(
    data: dict[str, Any], metadata: dict[str, Any] | None = None, **options: Any
) -> None:
    """Show one output in all its forms; a terminal gets its plain text.

    ``options`` are those of IPython's display: ``display_id``, ``update``.
    """
    sys.stdout.flush()
    if InteractiveShell.initialized():
        display(data, metadata=metadata or {}, raw=True, **options)  # type: ignore[no-untyped-call]
    else:
        text = str(data.get("text/plain") or f"[{', '.join(data)}: shown in a notebook]")
        print(plain_text.lines(text), flush=True)
