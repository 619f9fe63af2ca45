"""The live card of a grid: it asks about all its jobs at once, and shows what changed."""

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from kd_client.jobs import saved_reference
from kd_client.jobs.comparison import main_metric
from kd_client.jobs.job import Job
from kd_client.training_client import TrainingClient
from kd_magics.cards import grid_view
from kd_magics.cards.card_display import CardDisplay
from kd_magics.cards.grid_view import GridSnapshot
from kd_magics.cards.live_card import FIRST_S, FROZEN, LATER_EVERY_S, LATER_S, LONGEST_PAUSE_S
from kd_pipeline.errors import KdError
from kd_pipeline.messages import TERMINAL, MetricPoint

EVERY_S = 1.0
ASK_S = 10.0
PAGE = 1000
MOST_CURVES = 5  # asked for in one look


class LiveGrid:
    """The card of a grid's jobs; `update` is called by one thread, when ``due`` has come."""

    def __init__(
        self, shell: Any, client: TrainingClient, jobs: Sequence[Job], names: Sequence[str]
    ) -> None:
        self._client = client
        self._jobs, self._names = list(jobs), list(names)
        self._display = CardDisplay(shell)
        self._curves: dict[int, list[MetricPoint]] = {}
        self._last_curves: set[int] = set()  # of jobs that had ended by then
        self._turn = 0
        self._note = ""
        self._pause = EVERY_S
        self._began = time.monotonic()
        self._is_over = False
        # A grid that is waited for is updated by its cell, too; nobody waits for an engine here.
        self._lock = threading.Lock()
        self.cluster = jobs[0].cluster
        self.due = self._began + FIRST_S

    def show(self) -> None:
        """Show the card as an output of the running cell, with what is known already."""
        jobs, now = [job.last for job in self._jobs], datetime.now(UTC)
        snapshot = GridSnapshot(jobs, self._names, now, self._curves, self._note)
        reference = saved_reference.reference_of_many(self._jobs)
        self._display.show(
            {
                "text/plain": grid_view.text(snapshot),
                "text/html": grid_view.html(snapshot),
                saved_reference.MIME_OF_MANY: reference,
            }
        )

    def update(self) -> bool:
        """Ask and show anew; tell whether the card goes on."""
        if self._is_over:
            return False
        try:
            self._ask()
            self._note, self._pause = "", EVERY_S
        except KdError as error:
            self._lost(error)
        with self._lock:
            if self._is_over:  # frozen meanwhile, or ended by its cell
                return False
            self._is_over = not (self._note or self._going() or self._without_curve())
            self.show()
        now = time.monotonic()
        usual = EVERY_S if now - self._began < LATER_S else LATER_EVERY_S
        self.due = now + (self._pause if self._note else usual)
        return not self._is_over

    def freeze(self, why: str = FROZEN) -> None:
        """Leave the card as it is, with a line that says so."""
        with self._lock:
            if not self._is_over:
                self._is_over = True
                self._note = f"{why} _jobs shows the jobs as they are."
                self.show()

    def _going(self) -> list[Job]:
        return [job for job in self._jobs if job.last.status not in TERMINAL]

    def _ask(self) -> None:
        """Take the jobs as they are now, and the curves of some."""
        wanted = {job.id: job for job in self._going()}
        before = max(wanted, default=0) + 1
        while wanted:
            page = self._client.page(ASK_S, limit=PAGE, before=before)
            for message in page.jobs:
                if message.id in wanted:
                    wanted.pop(message.id).update(message)
            if page.next is None or page.next <= min(wanted, default=0):
                break
            before = page.next
        self._ask_curves()

    def _ask_curves(self) -> None:
        """Take the curves of the main metric: a few jobs at a time, each once after its end."""
        metric, some = main_metric([job.last for job in self._jobs]), self._without_curve()
        for place in range(min(MOST_CURVES, len(some))):
            job = some[(self._turn + place) % len(some)]
            ended = job.last.status in TERMINAL
            self._curves[job.id] = self._client.curves(job.id).metrics.get(metric or "", [])
            if ended:
                self._last_curves.add(job.id)
        self._turn += MOST_CURVES

    def _without_curve(self) -> list[Job]:
        """Return the jobs whose curve may still grow or was not asked for, if there are metrics."""
        if main_metric([job.last for job in self._jobs]) is None:
            return []
        return [j for j in self._jobs if j.last.started and j.id not in self._last_curves]

    def _lost(self, error: KdError) -> None:
        """Say since when there is no answer; the states shown are the last ones known."""
        self._note = self._note or (
            f"The engine does not answer since {datetime.now().astimezone():%H:%M:%S}; what is "
            f"shown is what it said last. It is asked again. ({type(error).__name__})"
        )
        self._pause = min(LONGEST_PAUSE_S, self._pause * 1.5)
