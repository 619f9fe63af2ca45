"""One live card: it asks the engine about its job, and shows what changed."""

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kd_client.jobs import saved_reference
from kd_client.jobs.job import Job
from kd_client.training_client import TrainingClient
from kd_magics.cards import card_view, notify
from kd_magics.cards.card_button import CancelButton, is_possible
from kd_magics.cards.card_display import EMPTY, CardDisplay
from kd_magics.cards.card_results import CardResults
from kd_magics.cards.card_view import Snapshot
from kd_magics.settings import KdMagics
from kd_pipeline.errors import KdError, NotFound
from kd_pipeline.messages import TERMINAL

if TYPE_CHECKING:
    from kd_magics.cards.card_log import CardLog

FIRST_S = 0.25  # most short jobs have ended then
EVERY_S = 1.0
# Each update is kept in no notebook, but passes through its server and its browser.
LATER_S, LATER_EVERY_S = 300.0, 5.0
LONGEST_PAUSE_S = 30.0
NOTIFIED_FOR_S = 3.0
FROZEN = "This card is not updated any more."


class LiveCard:
    """The card of one job; `update` is called by one thread, when ``due`` has come."""

    def __init__(self, shell: Any, client: TrainingClient, job: Job, settings: KdMagics) -> None:
        self._settings = settings
        self._client = client
        self._job = job
        self._log: CardLog | None = None
        self._display = CardDisplay(shell)
        self._button: CancelButton | None = None
        self._below = CardDisplay(shell) if is_possible(shell) else None
        self._results = CardResults(shell)
        self._note = self._said = ""
        self._began = time.monotonic()
        self._lost_at = ""
        self._pause = EVERY_S
        self._is_over = self._is_told = False
        self._lock = threading.Lock()  # of what is shown: a card is frozen from another thread
        self.cluster = job.cluster
        self.due = self._began + FIRST_S

    def show(self) -> None:
        """Show the card as an output of the running cell, with what is known already."""
        self._show()
        if self._below:
            self._below.show(EMPTY)
            self._button = CancelButton(self._below, self._job.handle, self._cancel)
        self._results.reserve()

    def update(self) -> bool:
        """Ask and show anew; tell whether the card goes on."""
        if self._below and self._is_told:
            self._below.show(EMPTY)
            return False
        try:
            self._ask()
        except KdError as error:
            if type(error) is NotFound:  # its subclasses tell of the engine, not of the job
                self.freeze(error.in_notebook())
                return False
            self._lost(error)
        with self._lock:
            if self._is_over:  # frozen meanwhile
                return False
            self._show()
        if self._job.last.status in TERMINAL and not self._lost_at:
            return self._end()
        if self._button:
            self._button.show()
        now = time.monotonic()
        usual = EVERY_S if now - self._began < LATER_S else LATER_EVERY_S
        self.due = now + (self._pause if self._lost_at else usual)
        return True

    def freeze(self, why: str = FROZEN) -> None:
        """Leave the card as it is, with a line that says so."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            self._note = f"{why} %logs {self._job.handle} shows the job as it is."
            self._show()
        if self._button:
            self._button.close()

    def _ask(self) -> None:
        if self._log is None:  # not in `show`: a cell that sends a job returns at once
            from kd_magics.cards.card_log import CardLog

            self._log = CardLog()
        message = self._client.job(self._job.id)
        self._log.read(self._client, message)
        if message.status in TERMINAL:
            self._results.read(self._client, self._job.id)
            self._said = self._more()
        self._job.update(message)
        self._lost_at, self._note, self._pause = "", self._said, EVERY_S

    def _more(self) -> str:
        hidden = self._results.hidden
        what = "1 output is" if hidden == 1 else f"{hidden} outputs are"
        return f"{what} not shown here; %logs {self._job.handle} shows all." if hidden else ""

    def _lost(self, error: KdError) -> None:
        """Say since when there is no answer; the state shown is the last one known."""
        if not self._lost_at:
            self._lost_at = datetime.now().astimezone().strftime("%H:%M:%S")
        self._pause = min(LONGEST_PAUSE_S, self._pause * 1.5)
        self._note = (
            f"The engine does not answer since {self._lost_at}; what is shown is what it said "
            f"last. It is asked again. ({type(error).__name__})"
        )

    def _snapshot(self) -> Snapshot:
        message, log = self._job.last, self._log
        return Snapshot(
            job=message,
            handle=self._job.handle,
            now=datetime.now(UTC),
            # The engine has read the whole log; the card may have skipped some of it.
            progress=message.progress or (log.reader.progress if log else None),
            history=log.reader.history if log else {},
            lines=log.lines if log else (),
            note=self._note,
        )

    def _show(self) -> None:
        reference = saved_reference.reference(self._job)
        self._display.show(card_view.bundle(self._snapshot(), saved_reference.MIME, reference))

    def _end(self) -> bool:
        """Take the button away, and tell the browser where the job took long.

        Returns whether there is something to take away later.
        """
        self._is_over = True
        if self._button:
            self._button.close()
        snapshot = self._snapshot()
        self._is_told = self._below is not None and notify.is_worth(
            snapshot, self._settings.notify_after_s
        )
        if self._below and self._is_told:
            self._below.show(notify.bundle(snapshot))
            self.due = time.monotonic() + NOTIFIED_FOR_S
        return self._is_told

    def _cancel(self) -> bool:
        """Ask for the job's end; tell whether the engine took that."""
        try:
            self._client.cancel(self._job.id)
            self._said = ""
        except KdError as error:
            self._said = f"Not cancelled: {error}"
        self._note = self._said
        self.due = 0.0
        return not self._said
