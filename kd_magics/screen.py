"""Where output goes: the notebook's front end, or a terminal that has no IPython."""

import sys
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display


def show_bundle(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    """Show one output in all its forms; a terminal gets its plain text."""
    sys.stdout.flush()
    if InteractiveShell.initialized():
        display(data, metadata=metadata or {}, raw=True)  # type: ignore[no-untyped-call]
    else:
        print(data.get("text/plain") or f"[{', '.join(data)}: shown in a notebook]", flush=True)
