"""One cell magic per connected training cluster: ``%%<name>``, and its name without dashes."""

import difflib
import re
from collections.abc import Callable, Iterable

from kd_client.cluster_names import Names, choose_names
from kd_magics.catalogue import COMMANDS, asks_for_help
from kd_magics.cells import cell_lines
from kd_magics.errors import InvalidCell
from kd_magics.session import Session
from kd_pipeline.errors import NoConnections, UnknownCluster
from kd_pipeline.hints import TRAIN, Hint

Magic = Callable[[str, str], None]
NUMBERED = "train"


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
        session.cluster_names = self.update

    def refresh(self, *_event: object) -> None:
        """Register anew if configmeta.json may have changed (before each cell: it must be fast)."""
        if self._session.changed():
            self.update()

    def update(self) -> Names:
        """Register what is connected now, and take away what is not; return the names."""
        try:
            clusters = self._session.connections().training_clusters()
        except NoConnections:
            clusters = ()
        self._register(choose_names([cluster.name for cluster in clusters], self._is_taken))
        return self.names

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
            f"{', '.join(f'%%{magic}' for magic in shown) or 'none'}.",
            hint=Hint("attachments", does="lists them"),
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
        if NUMBERED not in self._ours and not self._is_taken(NUMBERED) and self._ours:
            self._ours[NUMBERED] = _numbered_magic(self._session, names)
        for magic, function in self._ours.items():
            self._session.shell.magics_manager.register_function(function, "cell", magic)

    def _is_taken(self, name: str) -> bool:
        magics = self._session.shell.magics_manager.magics
        found = magics["cell"].get(name) or magics["line"].get(name)
        return found is not None and found is not self._ours.get(name)

    def _cell_magics(self) -> dict[str, Magic]:
        cells: dict[str, Magic] = self._session.shell.magics_manager.magics["cell"]
        return cells


def _numbered_magic(session: Session, names: Names) -> Magic:
    """Return ``%%train 1``, as notebooks before the tutorial of 2020 have it.

    The number is the cluster's row in %attachments.
    """
    clusters = list(names.shown)

    def train(line: str, cell: str) -> None:
        number, _, rest = line.strip().partition(" ")
        if not (number.isascii() and number.isdecimal()):
            number, rest = "1" if len(clusters) == 1 else "", line
        if not number or not 1 <= int(number) <= len(clusters):
            shown = [f"{n} is %%{names.shown[name]}" for n, name in enumerate(clusters, 1)]
            raise UnknownCluster(
                f"%%{NUMBERED} {number[:20] or 'NUMBER'} names no training cluster, so this cell "
                f"did not run: {', '.join(shown)}."
            )
        name = clusters[int(number) - 1]
        _cell_magic(session, names.shown[name], name)(rest, cell)

    train.__doc__ = "Send this cell to the training cluster in that row of %attachments."
    train._ipython_magic_no_var_expand = True  # type: ignore[attr-defined]
    return train


def _cell_magic(session: Session, magic: str, cluster: str) -> Magic:
    def help_text() -> str:
        return COMMANDS[TRAIN].help(f"%%{magic}")

    def send_cell(line: str, cell: str) -> None:
        if asks_for_help(line):
            print(help_text())
            return
        from kd_magics.cells.submission import Cell, submit

        submit(session, Cell(magic, cluster, line, cell))

    send_cell.__name__ = magic
    send_cell.__doc__ = f"Send this cell to the training cluster {cluster}, as a job."
    send_cell.getdoc = help_text  # type: ignore[attr-defined]  # what IPython shows for %%name?
    # Our options expand variables themselves, see kd_magics.options.
    send_cell._ipython_magic_no_var_expand = True  # type: ignore[attr-defined]
    return send_cell
