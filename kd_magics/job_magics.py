"""The line magics about clusters and jobs; each is one call of the module that does it."""

from typing import TYPE_CHECKING

from IPython.core.magic import Magics, magics_class

from kd_magics.cells.cluster_magics import ClusterMagics
from kd_magics.line_magic import line_magic
from kd_magics.session import Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@magics_class
class JobMagics(Magics):
    """%attachments, %logs, %why, %cancel and %rerun."""

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
        from kd_magics.overview import attachments

        attachments.attachments(self._session, self.clusters, line)

    @line_magic
    def logs(self, line: str) -> None:
        """Show a job's status, log and figures.

            %logs [[CLUSTER/]JOB] [--url HISTORY_URL] [-f] [--tail LINES] [--since TIME]
                  [--grep REGEX] [--save FILE]

        Without a job it is this notebook's last one, or else the cluster's newest. Of a long log
        the last 1,000 lines are shown; progress bars are one line, as in a terminal.

        -f, --follow   show what comes until the job ends; a job that fails is an error of this
                       cell, so that "Run All" stops. Interrupting stops the watching, not the job;
                       interrupting again within 3 seconds cancels the job.
        --tail LINES   only the last lines
        --since TIME   only what was written after a time: 10m (ago) or 2026-11-25T10:00
        --grep REGEX   only the lines that match, without figures; in single quotes where it has
                       a $ or a {, which else name variables
        --save FILE    write the whole log to a file instead, next to the notebook
        --url URL      the job of a history URL, at a connected cluster

        Examples:

            %logs
            %logs -f
            %logs 9 --tail 20
            %logs training-engine-instance/9 --grep 'loss|error$'
            %logs --save first-try.log
        """
        from kd_magics.output import logs

        logs.logs(self._session, line)

    @line_magic
    def why(self, line: str) -> None:
        """Tell in a sentence why a job waits, or ended as it did.

            %why [[CLUSTER/]JOB]

        Without a job it is this notebook's last one. Of a job that failed you see the frames of the
        traceback with their variables as they were: type, shape, value.

        Examples:

            %why
            %why 9
            %why training-engine-instance/9
        """
        from kd_magics.jobs import why

        why.why(self._session, line)

    @line_magic
    def cancel(self, line: str) -> None:
        """End jobs, and tell what the engine says became of them.

            %cancel [[CLUSTER/]JOB]…

        Without a job it is this notebook's last one. A job gets 10 seconds to end by itself.

        Examples:

            %cancel
            %cancel 9 10 training-engine-instance/11
        """
        from kd_magics.jobs import cancelling

        cancelling.cancel(self._session, line)

    @line_magic
    def rerun(self, line: str) -> None:
        """Send a job's code, values and files once more.

            %rerun [[CLUSTER/]JOB] [--param NAME=VALUE]… [--name NAME] [--wait]

        Without a job it is this notebook's last one. The new job is in the variable _job.

        --param lr=0.1   replaces a param that the job has; may be given again
        --name NAME      what the new job is called in lists
        --wait           follow its log; a job that fails is an error of this cell

        Examples:

            %rerun
            %rerun 9 --param lr=0.01 --wait
        """
        from kd_magics.cells import reruns

        reruns.rerun(self._session, line)
