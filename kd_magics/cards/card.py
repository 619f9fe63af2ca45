"""The live card below a cell that sent a job: shown at once, then kept current by a thread.

Only in a notebook: a terminal has the lines that the cell prints.
"""

from typing import TYPE_CHECKING

from kd_client.jobs.job import Job

if TYPE_CHECKING:
    from kd_magics.session import Session


def show(session: "Session", job: Job) -> None:
    """Show a job's card as an output of the running cell, where there is a notebook to show it."""
    if not session.settings.card or getattr(session.shell, "kernel", None) is None:
        return
    if session.cards is None:
        from kd_magics.cards.card_thread import Cards

        session.cards = Cards(session)
    session.cards.add(job)
