"""A matplotlib backend for jobs: Agg, where `plt.show()` puts the open figures in the outputs."""

from collections.abc import Callable
from typing import Any

from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg


def _nowhere() -> None:
    """Stand for the job's `Outputs.show_figures` until the job has named it."""


show_figures: Callable[[], None] = _nowhere


class FigureManager(FigureManagerBase):
    """Keeps a figure until it is shown."""

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:
        """Show all open figures and close them; ``block`` has no meaning in a job."""
        show_figures()


class FigureCanvas(FigureCanvasAgg):
    """Agg's canvas with our manager."""

    manager_class: Any = FigureManager
