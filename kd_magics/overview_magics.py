"""The line magics that look over all clusters, and those about MLflow experiments."""

from typing import TYPE_CHECKING

from IPython.core.magic import Magics, magics_class

from kd_magics.line_magic import line_magic
from kd_magics.session import Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from kd_magics.jobs.job_list import JobList


@magics_class
class OverviewMagics(Magics):
    """%jobs, %deployments, %loadMlflow and %Setexp."""

    def __init__(self, shell: "InteractiveShell", session: Session) -> None:
        super().__init__(shell)
        self._session = session

    @line_magic
    def jobs(self, line: str) -> "JobList":
        """Show the jobs of all training clusters: yours first, the newest first.

            %jobs [--cluster CLUSTER] [--mine | --user USER] [--status STATUS] [--since DURATION]
                  [--name GLOB] [--limit N] [--compare [METRIC …]] [--sort METRIC]

        --cluster   one cluster's only
        --mine      yours only; --user USER those of another
        --status    Queued, Running, Finished, Failed, Cancelled, TimedOut, OutOfMemory or Lost
        --since     submitted within the last 90s, 2h or 2d
        --name      those whose name fits, such as "taxi-*"
        --limit     how many at most; 20 where it is not given
        --compare   params and metrics side by side, one row a job, where they differ; the best
                    value of a metric is marked. Metrics may be chosen.
        --sort      the best value of a metric first, or in the order of a param

        The first column is what %logs, %why and %cancel take. The value is a list of jobs:

            found = %jobs --since 2d --mine
            found[0].log()
            found.to_dataframe()

        Examples:

            %jobs --status running
            %jobs --name "sweep-*" --compare rmse --sort rmse
        """
        from kd_magics.jobs import job_list

        return job_list.jobs(self._session, line)

    @line_magic
    def deployments(self, line: str) -> None:
        """Show every model version on every deployment cluster, as it is wanted and as it is.

            %deployments [--on CLUSTER]

        Wanted is what is connected to the kdcluster; the state, since when and how many restarts
        is what its engines tell. URL is where clients ask.

        Example:

            %deployments
        """
        from kd_magics.models import deployments

        deployments.deployments(self._session, line)

    @line_magic
    def loadMlflow(self, line: str) -> None:  # noqa: N802 - the name of the 2020 product
        """Point MLflow in this notebook at the connected MLflow cluster.

            %loadMlflow [--cluster CLUSTER] [--credentials SECRET]

        Sets MLFLOW_TRACKING_URI, and from a connected secret MLflow's and the object store's
        credentials, in the environment of this kernel. Jobs that are sent later get the tracking
        URI and the experiment's name, and no secret.

        --cluster       the MLflow cluster, where several are attached
        --credentials   the name of the secret, where several are connected

        Example:

            %loadMlflow
            %Setexp --name demoexp
        """
        from kd_magics.overview import experiments

        experiments.load_mlflow(self._session, line)

    @line_magic
    def Setexp(self, line: str) -> None:  # noqa: N802 - the name of the 2020 product
        """Choose the MLflow experiment of this notebook and of its jobs; made where it is new.

            %Setexp --name EXPERIMENT

        Example:

            %Setexp --name demoexp
        """
        from kd_magics.overview import experiments

        experiments.set_experiment(self._session, line)
