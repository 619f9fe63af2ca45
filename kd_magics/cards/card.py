"""The live card below a cell that sent a job: shown at once, then kept current by a thread.

Only in a notebook: a terminal has the lines that the cell prints.
"""

from typing import TYPE_CHECKING

from kd_client.jobs.job import Job

if TYPE_CHECKING:
    from kd_magics.cards.card_thread import Cards
    from kd_magics.cards.live_grid import LiveGrid
    from kd_magics.cells.sweeps import Sweep
    from kd_magics.session import Session


def show(session: "Session", job: Job) -> None:
    """Show a job's card as an output of the running cell, where there is a notebook to show it."""
    if _is_wanted(session):
        _cards(session).add(job)


def show_grid(session: "Session", sweep: "Sweep") -> "LiveGrid | None":
    """Show the card of a grid's jobs, where there is a notebook to show it."""
    if not _is_wanted(session):
        return None
    return _cards(session).add_grid(sweep, sweep.names)


def _cards(session: "Session") -> "Cards":
    if session.cards is None:
        from kd_magics.cards.card_thread import Cards

        session.cards = Cards(session)
    return session.cards


def _is_wanted(session: "Session") -> bool:
    return session.settings.card and getattr(session.shell, "kernel", None) is not None
