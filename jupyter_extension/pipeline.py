"""What all routes share: the connections and clients of the magics, and the threads they run in."""

from pathlib import Path

from jupyter_extension.file_sums import FileSums
from jupyter_extension.kept_registry import KeptRegistry
from jupyter_extension.log_stream import LogStreams
from jupyter_extension.model_checks import ModelChecks
from jupyter_extension.notebook_cells import NotebookCells
from jupyter_extension.threads import Threads
from kd_client.attached import Attached
from kd_pipeline.registry import Registry

# A sidebar waits for an engine not as long as a cell does; what is slow is asked once more.
ANSWER_S = 10.0


class Pipeline:
    """The pipeline of this server's user.

    ``attached`` finds a cluster only by its connected name, never by a host or a URL; what it and
    the registry are asked may block, and belongs into ``threads``. ``root`` is the Jupyter
    server's folder, below which the notebooks are.
    """

    def __init__(self, root: Path) -> None:
        self.attached = Attached(read_s=ANSWER_S)
        self.threads = Threads()
        self.kept = KeptRegistry()
        self.sums = FileSums()
        self.cells = NotebookCells(root)
        self.checks = ModelChecks(self.cells, self.sums)
        self.log_streams = LogStreams()

    def registry(self) -> Registry:
        """Return where models and kdclusters are kept; raises a KdError where it is unusable."""
        return self.kept.open()
