"""One cell magic per connected training cluster: ``%%<name>``, and its name without dashes."""

import ast
import secrets
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kd_magics import card
from kd_magics.errors import EmptyCell, InvalidCell
from kd_magics.options import Options, seconds
from kd_magics.session import Session, user_name
from kd_pipeline.errors import InvalidInput, NoConnections, TooLarge, UnknownCluster
from kd_pipeline.messages import SubmitJob

LARGEST_CELL = 4 * 1024 * 1024
LONGEST_NAME = 200
Magic = Callable[[str, str], None]
DOC = """Send this cell to the training cluster {name}, as a job.

The cell does not run here. It runs on the cluster, in the project repository's folder; files
that it writes to `models/` are in the project repository when it is done. The job goes on when
the notebook is closed.

    %%{magic} [--wait] [--name NAME] [--timeout SECONDS]

--wait      follow the log; a job that fails is an error of this cell
--name      what the job is called in lists
--timeout   end the job after so many seconds

Example:

    %%{magic} --wait --name first-try
    print("hello from the cluster")

The job is in the variable _job: _job.status, _job.log(), _job.wait(), _job.cancel(). See %logs?.
"""


@dataclass
class Names:
    """Which magic names the training clusters have, and why some have no short one."""

    clusters: dict[str, str] = field(default_factory=dict)  # magic name: cluster
    shown: dict[str, str] = field(default_factory=dict)  # cluster: the name to show
    notes: list[str] = field(default_factory=list)


def choose_names(clusters: Iterable[str], taken: Callable[[str], bool]) -> Names:
    """Give each cluster its own name and that without dashes, where neither means another thing.

    ``taken`` tells whether a magic of IPython, or of the user, has a name already.
    """
    owns = list(clusters)
    shorts = Counter(name.replace("-", "") for name in owns)
    names = Names()
    for own in owns:
        short, full = own.replace("-", ""), own
        while taken(full) or (full != own and full in owns):
            full += "-cluster"
        names.clusters[full] = own
        if full != own:
            names.notes.append(f"{own}: %%{own} is another magic; type %%{full} instead.")
        elif short != own and shorts[short] > 1:
            names.notes.append(
                f"{own}: %%{short} would mean several clusters; type %%{own} instead."
            )
        elif short != own and taken(short):
            names.notes.append(f"{own}: %%{short} is another magic; type %%{own} instead.")
        else:
            names.clusters[short] = own
            full = short
        names.shown[own] = full
    return names


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

    def take_refused(self, lines: list[str]) -> list[str]:
        """Have the cells come to us that IPython would refuse (an input transformer).

        It refuses an empty cell and a cell magic that does not exist with UsageError, which stops
        no run: nbval and papermill take such a notebook for a good one.
        """
        words = lines[0][2:].split(maxsplit=1) if lines and lines[0].startswith("%%") else []
        if not words or "?" in words[0]:
            return lines
        self.refresh()
        if words[0] in self._ours:
            return lines if len(lines) > 1 else [lines[0].rstrip("\n") + "\n", "\n"]
        manager = self._session.shell.magics_manager
        if words[0] in self._cell_magics() or words[0] in manager.lazy_magics:
            return lines
        ours = "get_ipython().magics_manager.registry['PipelineMagics']"
        return [f"{ours}.clusters.refuse({words[0]!r})\n"]

    def refuse(self, name: str) -> None:
        """Raise UnknownCluster for a cell magic that does not exist."""
        shown = ", ".join(f"%%{magic}" for magic in self.names.shown.values()) or "none"
        line = name in self._session.shell.magics_manager.magics["line"]
        hint = f" (%{name} is a line magic: write one % sign)" if line else ""
        raise UnknownCluster(
            f"There is no cell magic %%{name[:80]}{hint}, so this cell did not run. Training "
            f"clusters attached: {shown}. %attachments lists them."
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


def parser(magic: str) -> Options:
    """Return the parser of a cluster's cell magic."""
    options = Options(f"%%{magic}")
    options.add_argument("--wait", action="store_true")
    options.add_argument("--name", default="")
    options.add_argument("--timeout", type=seconds, metavar="SECONDS")
    return options


def submit(session: Session, magic: str, cluster: str, line: str, cell: str) -> None:
    """Send a cell to a cluster and print its history URL."""
    options = parser(magic).read(line, session.shell.user_ns)
    check_cell(cell, magic)
    if len(options.name) > LONGEST_NAME or not options.name.isprintable():
        raise InvalidInput(
            f"--name has at most {LONGEST_NAME} printable characters; nothing was sent."
        )
    client = session.training(cluster)
    message = client.submit(
        SubmitJob(
            code=cell,
            name=options.name,
            user=user_name(),
            idempotency_key=secrets.token_hex(16),
            timeout_s=options.timeout,
            origin=session.origin(),
        )
    )
    job = session.keep(client, message)
    print(f"History URL: {job.url}", flush=True)
    if options.wait:
        from kd_magics import logs

        logs.follow(job, first_line=False)
    else:
        card.show(session, job)


def check_cell(cell: str, magic: str) -> None:
    """Raise EmptyCell, TooLarge or InvalidCell where a cell cannot run anywhere."""
    size = len(cell.encode(errors="surrogatepass"))
    if size > LARGEST_CELL:
        raise TooLarge(
            f"The cell has {size:,} bytes, {LARGEST_CELL:,} are the limit; nothing was sent. Put "
            "data and modules into the project repository and read them from there."
        )
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = compile(cell, "<cell>", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        raise InvalidCell(_syntax_sentence(cell, error)) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidCell(f"The cell is no Python: {error}; nothing was sent.") from None
    if not tree.body:
        raise EmptyCell(f"There is no code below %%{magic}, so nothing was sent.")


def _syntax_sentence(cell: str, error: SyntaxError) -> str:
    lines = cell.splitlines()
    number = min(error.lineno or 1, len(lines) or 1)
    text = lines[number - 1].strip()[:120] if lines else ""
    advice = ""
    if text.startswith(("%", "!")):
        advice = " Magics and ! commands work in the notebook only, not in a job."
    where = f"line {number} below the cell's first line"
    return f"The cell is no Python ({where}: {error.msg}): {text!r}. Nothing was sent.{advice}"


def _cell_magic(session: Session, magic: str, cluster: str) -> Magic:
    def send_cell(line: str, cell: str) -> None:
        submit(session, magic, cluster, line, cell)

    send_cell.__name__ = magic
    send_cell.__doc__ = DOC.format(name=cluster, magic=magic)
    # Our options expand variables themselves, see kd_magics.options.
    send_cell._ipython_magic_no_var_expand = True  # type: ignore[attr-defined]
    return send_cell
