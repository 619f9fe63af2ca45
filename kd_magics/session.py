"""What the magics of one notebook share: what is connected to it, its settings, its last job.

It is there before the first cell runs, so what speaks HTTP is imported when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from kd_client.attached import Attached
from kd_client.cluster_names import Names, choose_names
from kd_client.errors import BadOptions
from kd_magics import face
from kd_magics.settings import KdMagics

if TYPE_CHECKING:
    from kd_client.jobs.job import Job
    from kd_client.training_client import TrainingClient
    from kd_magics.cards.card_thread import Cards
    from kd_pipeline.messages import Job as JobMessage


class Shell(Protocol):
    """What a session wants of its shell: IPython's, or that of the command line.

    ``user_ns`` holds the user's variables; ``magics_manager`` is asked by cell magics only.
    """

    user_ns: dict[str, Any]

    @property
    def magics_manager(self) -> Any:
        """Return IPython's manager of magics."""


class Session(Attached):
    """One notebook's side of the pipeline, or one command's.

    ``mlflow`` is the environment that %loadMlflow and %Setexp give to jobs, and ``credentials``
    the secret part of it, which no engine tells.
    """

    def __init__(self, shell: Shell, settings: KdMagics | None = None) -> None:
        self.shell = shell
        self.settings = settings or KdMagics()
        super().__init__(self.settings.connect_timeout_s)
        self.last: Job | None = None
        self.mlflow: dict[str, str] = {}
        self.credentials: dict[str, str] = {}
        self.cards: Cards | None = None  # there once the first one is shown
        # What training clusters are called now; cell magics have a say where there are any.
        self.cluster_names: Callable[[], Names] = self._free_names
        self.settings.observe(
            lambda _: self.forget_clients(self.settings.connect_timeout_s), "connect_timeout_s"
        )

    def only_training(self) -> TrainingClient:
        """Return the last job's cluster, or the only training cluster; raises BadOptions."""
        names = [cluster.name for cluster in self.connections().training_clusters()]
        if self.last and self.last.cluster in names:
            return self.last.client
        default = self.full_name(self.settings.default_cluster)
        return self.training(default) if default in names else super().only_training()

    def keep(self, client: TrainingClient, message: JobMessage) -> Job:
        """Make a job the last one of this notebook, in its variable ``_job``."""
        self.last = self.handle(client, message)
        self.shell.user_ns["_job"] = self.last
        return self.last

    def job_or_last(self, text: str | None, command: str) -> Job:
        """Return the job of ``9`` or ``CLUSTER/9``, or without a text the last one that was sent.

        Raises BadOptions, NotFound, UnknownCluster, EngineDown.
        """
        if text:
            return self.job(text)
        if self.last is None:
            named = f"ame one, such as {face.typed(command, '9')} or CLUSTER/9."
            sent = "N" if face.in_terminal() else "This notebook has sent no job yet; n"
            raise BadOptions(sent + named)
        return self.last

    def _free_names(self) -> Names:
        names = [cluster.name for cluster in self.connections().training_clusters()]
        return choose_names(names, lambda _: False)

    def stop_cards(self) -> None:
        """Leave the cards of jobs as they are."""
        if self.cards:
            self.cards.stop()

    def origin(self) -> dict[str, str]:
        """Return where a cell comes from: notebook, cell id, git commit, Python, our version."""
        from kd_magics.cells import provenance

        return provenance.origin(self.shell)
