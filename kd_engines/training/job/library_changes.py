"""What a job changes in libraries that it imports, so that they show what they show in a notebook.

There is no IPython that runs and could show anything, and no front end that could hold a widget.
"""

import os
import sys
from typing import Any

from kd_engines.training.job.display import Display, DisplayHandle


def change(module: Any, shown: Display) -> None:
    """Change a module that has just been imported."""
    if module.__name__ == "matplotlib":
        _change_matplotlib(module, shown)
    elif module.__name__ == "tqdm.notebook":
        _change_tqdm(module)
    else:
        module.display = shown.display
        module.update_display = shown.update_display
        module.publish_display_data = shown.publish
        module.DisplayHandle = DisplayHandle


def _change_matplotlib(module: Any, shown: Display) -> None:
    """Name our backend, in this process only: programs that the job starts keep Agg."""
    if os.environ.get("MPLBACKEND", "").lower() != "agg":
        return
    from kd_engines.training.job import matplotlib_backend

    matplotlib_backend.show_figures = shown.show_figures
    sys.modules["kd_job_figures"] = matplotlib_backend
    module.rcParams["backend"] = "module://kd_job_figures"


def _change_tqdm(module: Any) -> None:
    """Make a notebook's bars the bars of a terminal, which a log shows as they move."""
    from tqdm import std

    class Bar(std.tqdm):  # type: ignore[type-arg]
        """A bar in the log; ``display`` is the notebook bars' own option."""

        def __init__(self, *args: Any, display: bool = True, **options: Any) -> None:
            super().__init__(*args, **options)

    def trange(*args: Any, **options: Any) -> Bar:
        """Return a bar over ``range(*args)``."""
        return Bar(range(*args), **options)

    module.tqdm_notebook = module.tqdm = Bar
    module.tnrange = module.trange = trange
