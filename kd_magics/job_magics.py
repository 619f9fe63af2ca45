"""The line magics about clusters and jobs; each is one call of the module that does it."""

from typing import TYPE_CHECKING

from IPython.core.magic import Magics, magics_class

from kd_magics import logs
from kd_magics.cluster_magics import ClusterMagics
from kd_magics.line_magic import line_magic
from kd_magics.session import Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@magics_class
class JobMagics(Magics):
    """%attachments and %logs."""

    def __init__(
        self, shell: "InteractiveShell", session: Session, clusters: ClusterMagics
    ) -> None:
        super().__init__(shell)
        self._session = session
        self.clusters = clusters

    @line_magic
    def attachments(self, line: str) -> None:
        """Show the clusters that are attached to this notebook, and how each is now.

            %attachments

        A training cluster's name is what you type after %% to send a cell to it. State, queue,
        Python, processors and memory are asked anew each time, of all clusters at once.
        """
        from kd_magics import attachments

        attachments.attachments(self._session, self.clusters, line)

    @line_magic
    def logs(self, line: str) -> None:
        """Show a job's status, log and figures.

            %logs [[CLUSTER/]JOB] [--url HISTORY_URL] [-f] [--tail LINES]

        Without a job it is this notebook's last one, or else the cluster's newest.

        -f, --follow   show what comes until the job ends; a job that fails is an error of this
                       cell, so that "Run All" stops. Interrupting stops the watching, not the job.
        --tail LINES   only the last lines
        --url URL      the job of a history URL, at a connected cluster

        Examples:

            %logs
            %logs -f
            %logs 9 --tail 20
            %logs training-engine-instance/9
        """
        logs.logs(self._session, line)
