"""One cell magic per connected training cluster: ``%%<name>``, and its name without dashes."""

import difflib
import inspect
import re
from collections.abc import Callable, Iterable

from kd_client.cluster_names import Names, choose_names
from kd_magics.cells import cell_lines
from kd_magics.errors import InvalidCell
from kd_magics.line_magic import asks_for_help
from kd_magics.session import Session
from kd_pipeline.errors import NoConnections, UnknownCluster

Magic = Callable[[str, str], None]
DOC = """Send this cell to the training cluster {name}, as a job.

The cell does not run here. It runs on the cluster, in the project repository's folder; files
that it writes to `models/` are in the project repository when it is done. The job goes on when
the notebook is closed.

    %%{magic} [--wait] [--name NAME] [-o VAR] [--in A,B] [--out M,N] [--param NAME=VALUE]…

--wait            follow the log; a job that fails is an error of this cell
--no-raise        with --wait: print why a job failed, and go on
--name NAME       what the job is called in lists
-o VAR            the variable of the job, beside _job
--in A,B          send these variables: JSON, and Arrow for tables and arrays
--out M,N         keep these variables of the job: _job.result, and with --wait variables here too
--pickle          send and keep as a pickle what is neither, for the same minor version of Python
--files PATHS     send these files and folders, such as util.py,pkg; the cell can import them
--param lr=0.1    a variable of the cell, as JSON or text; may be given again
--grid lr=0.1,1   a job for each of the values, and for each combination with further --grid
--env NAME=VALUE  a variable of the environment, no secret; may be given again
--requirements R  packages to install for it, such as "polars==1.9", or a requirements.txt
--timeout TIME    end the job after 90s, 2h, 1h30m or so many seconds
--cpus, --memory, --gpus    what the job wants for itself, such as --cpus 2 --memory 4g --gpus 1
--dry-run         say what would be sent and what it would miss there, and send nothing
--no-preflight    send without looking for names, modules and files that would be missing
--help            show this

Values may be variables of the notebook: --name "run {{number}}" --param lr={{rate}}.

Examples:

    %%{magic} --wait --name first-try
    print("hello from the cluster")

    %%{magic} --in rides --param depth=6 --out score --wait
    score = rides["duration"].mean() / depth

    %%{magic} --grid lr=0.1,0.01 --grid depth=3,6
    print(f"rmse={{lr * depth}}")

The job is in the variable _job: _job.status, _job.log(), _job.wait(), _job.cancel(), _job.result;
the jobs of a grid are in _jobs: _jobs.wait(), _jobs.best("rmse"). See %logs?, %why?, %cancel?.
"""


def similar(name: str, magics: Iterable[str]) -> str:
    """Return what an unknown name may have meant, as a sentence with a space before it."""
    plain = {re.sub("[-_.]", "", magic).lower(): magic for magic in magics}
    found = plain.get(re.sub("[-_.]", "", name).lower())
    if found:
        return f" %%{found} differs from it in case, dashes or underscores only: type that."
    close = difflib.get_close_matches(name.lower(), plain, 1, 0.75)
    return f" Did you mean %%{plain[close[0]]}?" if close else ""


class ClusterMagics:
    """Keeps the cell magics of one notebook as its connections are."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ours: dict[str, Magic] = {}
        self.names = Names()

    def refresh(self, *_event: object) -> None:
        """Register anew if configmeta.json may have changed (before each cell: it must be fast)."""
        if self._session.changed():
            self.update()

    def update(self) -> None:
        """Register what is connected now, and take away what is not."""
        try:
            clusters = self._session.connections().training_clusters()
        except NoConnections:
            clusters = ()
        self._register(choose_names([cluster.name for cluster in clusters], self._is_taken))

    def unregister(self) -> None:
        """Take all cell magics away."""
        self._register(Names())

    def read_cell(self, lines: list[str]) -> list[str]:
        """Have the cells come to us that are ours, or that IPython would refuse.

        This is an input transformer, see kd_magics.cells.cell_lines.
        """
        if not any(line.startswith("%%") for line in lines):
            return lines
        self.refresh()
        manager = self._session.shell.magics_manager
        return cell_lines.arranged(
            lines, {*self._ours}, {*self._cell_magics(), *manager.lazy_magics}
        )

    def refuse(self, name: str) -> None:
        """Raise UnknownCluster for a cell magic that does not exist."""
        shown = list(self.names.shown.values())
        line = name in self._session.shell.magics_manager.magics["line"]
        hint = f" (%{name} is a line magic: write one % sign)" if line else ""
        raise UnknownCluster(
            f"There is no cell magic %%{name[:80]}{hint}, so this cell did not run."
            f"{similar(name, self.names.clusters)} Training clusters attached: "
            f"{', '.join(f'%%{magic}' for magic in shown) or 'none'}. %attachments lists them."
        )

    def refuse_below(self, name: str) -> None:
        """Raise InvalidCell for a cell magic that stands below code."""
        raise InvalidCell(
            f"%%{name} stands below other code, so this cell did not run: make it the cell's first "
            "line (comments may stand above it), and put the code before it into a cell of its own."
        )

    def _register(self, names: Names) -> None:
        self.names = names
        cells = self._cell_magics()
        for magic, function in self._ours.items():
            if cells.get(magic) is function:
                del cells[magic]
        self._ours = {
            magic: _cell_magic(self._session, magic, cluster)
            for magic, cluster in names.clusters.items()
        }
        for magic, function in self._ours.items():
            self._session.shell.magics_manager.register_function(function, "cell", magic)

    def _is_taken(self, name: str) -> bool:
        magics = self._session.shell.magics_manager.magics
        found = magics["cell"].get(name) or magics["line"].get(name)
        return found is not None and found is not self._ours.get(name)

    def _cell_magics(self) -> dict[str, Magic]:
        cells: dict[str, Magic] = self._session.shell.magics_manager.magics["cell"]
        return cells


def _cell_magic(session: Session, magic: str, cluster: str) -> Magic:
    def send_cell(line: str, cell: str) -> None:
        if asks_for_help(line):
            print(inspect.cleandoc(DOC.format(name=cluster, magic=magic)))
            return
        from kd_magics.cells.submission import Cell, submit

        submit(session, Cell(magic, cluster, line, cell))

    send_cell.__name__ = magic
    send_cell.__doc__ = DOC.format(name=cluster, magic=magic)
    # Our options expand variables themselves, see kd_magics.options.
    send_cell._ipython_magic_no_var_expand = True  # type: ignore[attr-defined]
    return send_cell
