"""The live card below a cell that sent a job: shown at once, then kept current by a thread.

Only in a notebook: a terminal has the lines that the cell prints.
"""

from typing import TYPE_CHECKING

from kd_client.jobs.job import Job
from kd_magics.cards.card_display import CardDisplay

if TYPE_CHECKING:
    from kd_magics.cells.sweeps import Sweep
    from kd_magics.session import Session


def show(session: "Session", job: Job) -> None:
    """Show a job's card as an output of the running cell, where there is a notebook to show it."""
    if not _is_wanted(session):
        return
    if session.cards is None:
        from kd_magics.cards.card_thread import Cards

        session.cards = Cards(session)
    session.cards.add(job)


def show_sweep(session: "Session", sweep: "Sweep", shown: CardDisplay | None = None) -> CardDisplay:
    """Show the jobs of a grid as a table, or in place of one that was ``shown`` before."""
    shown = shown or CardDisplay(session.shell)
    if _is_wanted(session):
        shown.show(sweep.bundle(sweep.last_table()))
    return shown


def _is_wanted(session: "Session") -> bool:
    return session.settings.card and getattr(session.shell, "kernel", None) is not None
