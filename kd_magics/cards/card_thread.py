"""Keeps the cards of one notebook current: a daemon thread for each cluster that has some."""

import atexit
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from kd_client.jobs.job import Job
from kd_client.training_client import TrainingClient
from kd_magics.cards.live_card import FROZEN, LiveCard
from kd_magics.cards.live_grid import LiveGrid

if TYPE_CHECKING:
    from kd_magics.session import Session

Card: TypeAlias = LiveCard | LiveGrid
MOST_LIVE = 20
GONE = "The kernel that kept this card current has ended."
LOOK_EVERY_S = 0.25


class Cards:
    """The live cards of one notebook; of more than MOST_LIVE the oldest are left as they are."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._lock = threading.Lock()
        self._live: list[Card] = []
        self._threads: dict[str, threading.Thread] = {}
        self._clients: dict[str, TrainingClient] = {}
        # A kernel that is shut down or restarted leaves no button that nobody hears.
        atexit.register(self.stop, GONE)

    def add(self, job: Job) -> None:
        """Show a job's card in the running cell, and keep it current until the job has ended."""
        client = self._client(job.cluster)
        settings = self._session.settings
        self._begin(LiveCard(self._session.shell, client, _own(job, client), settings))

    def add_grid(self, jobs: Sequence[Job], names: Sequence[str]) -> LiveGrid:
        """Show the card of jobs that differ in params, and keep it current until all have ended."""
        client = self._client(jobs[0].cluster)
        own = [_own(job, client) for job in jobs]
        card = LiveGrid(self._session.shell, client, own, names)
        self._begin(card)
        return card

    def _client(self, cluster: str) -> TrainingClient:
        if cluster not in self._clients:
            # Its connections are not the ones that the cells use at the same time.
            find = self._session.connections
            self._clients[cluster] = TrainingClient(lambda: find().cluster(cluster))
        return self._clients[cluster]

    def _begin(self, card: Card) -> None:
        card.show()
        cluster = card.cluster
        with self._lock:
            self._live.append(card)
            oldest = self._live.pop(0) if len(self._live) > MOST_LIVE else None
            if cluster not in self._threads:
                thread = threading.Thread(
                    target=self._run, args=(cluster,), name=f"kd-card-{cluster}", daemon=True
                )
                self._threads[cluster] = thread
                thread.start()
        if oldest:
            oldest.freeze()

    def stop(self, why: str = FROZEN) -> None:
        """Leave all cards as they are, with a line that says so."""
        atexit.unregister(self.stop)
        with self._lock:
            cards, self._live = self._live, []
        for card in cards:
            card.freeze(why)

    def _run(self, cluster: str) -> None:
        while cards := self._cards(cluster):
            for card in cards:
                if card.due <= time.monotonic() and not _updated(card):
                    self._drop(card)
            time.sleep(LOOK_EVERY_S)

    def _cards(self, cluster: str) -> list[Card]:
        """Return a cluster's cards; where there are none, its thread ends."""
        with self._lock:
            cards = [card for card in self._live if card.cluster == cluster]
            if not cards:
                del self._threads[cluster]
            return cards

    def _drop(self, card: Card) -> None:
        with self._lock:
            if card in self._live:
                self._live.remove(card)


def _own(job: Job, client: TrainingClient) -> Job:
    """Return a handle for a card: the user's changes only when the user asks."""
    return Job(client, job.last, job.handle)


def _updated(card: Card) -> bool:
    """Update a card; tell whether it goes on. One that fails leaves the others alone."""
    try:
        return card.update()
    except Exception as error:  # such as a kernel that is being shut down under the thread
        try:
            card.freeze(f"The card ended: {type(error).__name__}: {error}.")
        except Exception:
            return False
        return False
