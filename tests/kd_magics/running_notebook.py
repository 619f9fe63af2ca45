"""A notebook in this process: IPython's shell with the magics, and what it shows captured."""

import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from kd_pipeline.errors import KdError
from tests.configmeta import Endpoint, configmeta


@dataclass
class Shown:
    """What one cell showed: its prints, its rich outputs, its value and its error."""

    text: str
    stderr: str
    outputs: list[dict[str, Any]]
    value: Any
    error: BaseException | None

    @property
    def everything(self) -> str:
        """Return all that a saved notebook would hold."""
        return "\n".join([self.text, self.stderr, repr(self.outputs), repr(self.value)])


@dataclass
class Notebook:
    """A shell over its own configmeta.json; ``shown`` keeps all that any cell showed."""

    configmeta_path: Path
    shell: InteractiveShell = field(init=False)
    shown: list[Shown] = field(default_factory=list)

    def __post_init__(self) -> None:
        InteractiveShell.clear_instance()
        config = Config()
        config.HistoryManager.enabled = False
        self.shell = InteractiveShell.instance(config=config, colors="nocolor")

    def attach(self, clusters: Mapping[str, Sequence[Endpoint]], **more: Any) -> None:
        """Write the configmeta.json as KubeDirector does: in place."""
        self.configmeta_path.write_text(json.dumps(configmeta(clusters=clusters, **more)))

    def run(self, cell: str) -> Shown:
        """Run a cell, whatever becomes of it."""
        # As ipykernel does around each cell; nbclient leaves a handler that swallows interrupts.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with capture_output() as captured:
                result = self.shell.run_cell(cell)
        finally:
            signal.signal(signal.SIGINT, before)
        outputs = [output.data for output in captured.outputs]
        error = result.error_before_exec or result.error_in_exec
        shown = Shown(captured.stdout, captured.stderr, outputs, result.result, error)
        self.shown.append(shown)
        return shown

    def good(self, cell: str) -> Shown:
        """Run a cell that must not fail."""
        shown = self.run(cell)
        assert shown.error is None, shown.text
        return shown

    def fails(self, cell: str, error: type[BaseException]) -> str:
        """Run a cell that must raise ``error`` in one line; return its sentence."""
        shown = self.run(cell)
        assert type(shown.error) is error, shown
        assert "/kd_magics/" not in shown.text  # no frame of ours
        return shown.error.in_notebook() if isinstance(shown.error, KdError) else str(shown.error)

    def has(self, magic: str) -> bool:
        """Tell whether a cell magic exists."""
        return magic in self.shell.magics_manager.magics["cell"]

    def close(self) -> None:
        """End the shell."""
        self.run("%unload_ext kd_magics")
        InteractiveShell.clear_instance()
