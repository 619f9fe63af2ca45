"""The line magics, and how all magics of ours come and go."""

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from kd_magics import attachments
from kd_magics.cluster_magics import ClusterMagics
from kd_magics.session import Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@magics_class
class PipelineMagics(Magics):
    """%attachments, %logs, %register, %models, %deploy, %undeploy and %predict."""

    def __init__(
        self, shell: "InteractiveShell", session: Session, clusters: ClusterMagics
    ) -> None:
        super().__init__(shell)
        self._session = session
        self.clusters = clusters

    def stop_cards(self) -> None:
        """Leave the cards of jobs as they are."""
        if self._session.cards:
            self._session.cards.stop()

    @no_var_expand
    @line_magic
    def attachments(self, line: str) -> None:
        """Show the clusters that are attached to this notebook.

            %attachments

        A training cluster's name is what you type after %% to send a cell to it.
        """
        attachments.attachments(self._session, self.clusters, line)

    @no_var_expand
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
        from kd_magics import logs

        logs.logs(self._session, line)

    @no_var_expand
    @line_magic
    def register(self, line: str) -> None:
        """Register a model version: it becomes a ConfigMap that can be deployed.

            %register NAME --version V --path PATH --scoring SCRIPT
                      [--description TEXT] [--metrics JSON] [--example JSON]

        --path       the model's file or folder in the project repository
        --scoring    the Python script that scores with it
        --metrics    how good it is, as JSON or the name of a variable
        --example    arguments of a prediction, as JSON or the name of a variable

        Paths are written repo://project_repo/models/x, models/x or as the mount point shows them.
        Versions do not change: other content needs another version.

        Examples:

            %register taxi --version 1 --path models/taxi/1 --scoring code/score_taxi.py
            %register taxi --version {v} --path models/taxi/{v} --scoring code/s.py --metrics scores
        """
        from kd_magics import registration

        registration.register(self._session, line)

    @no_var_expand
    @line_magic
    def describe(self, line: str) -> None:
        """Change a registered model version's description, which alone of it may change.

            %describe NAME/VERSION TEXT

        Example:

            %describe taxi/1 "trained on January, without airports"
        """
        from kd_magics import registration

        registration.describe(self._session, line)

    @no_var_expand
    @line_magic
    def unregister(self, line: str) -> None:
        """Delete a model version's ConfigMap; the model's files stay.

            %unregister NAME/VERSION

        A version that is deployed, or has an alias, is not deleted.

        Example:

            %unregister taxi/1
        """
        from kd_magics import registration

        registration.unregister(self._session, line)

    @no_var_expand
    @line_magic
    def models(self, line: str) -> None:
        """Show the registered models, where they are deployed, and their state there.

        %models
        """
        from kd_magics import models

        models.models(self._session, line)

    @no_var_expand
    @line_magic
    def alias(self, line: str) -> None:
        """Give a model version a name that can move to another, such as champion.

            %alias NAME/VERSION ALIAS
            %alias NAME ALIAS --delete
            %alias NAME

        The last lists a model's aliases. Clients that ask NAME/ALIAS get the version's answers; the
        alias moves on an engine as soon as the new version is ready there.

        Example:

            %alias taxi/2 champion
        """
        from kd_magics import aliases

        aliases.alias(self._session, line)

    @no_var_expand
    @line_magic
    def deploy(self, line: str) -> None:
        """Deploy a registered model and wait until it is ready.

            %deploy NAME/VERSION [--to CLUSTER] [--timeout SECONDS]

        VERSION may be an alias (see %alias?): then the version is deployed that it is of.

        --to        the deployment cluster, where several are attached
        --timeout   how long to wait; 120 where it is not given

        Example:

            %deploy taxi/1
        """
        from kd_magics import models

        models.deploy(self._session, line)

    @no_var_expand
    @line_magic
    def undeploy(self, line: str) -> None:
        """Take a model off a deployment cluster and wait until it is gone; it stays registered.

            %undeploy NAME/VERSION [--from CLUSTER] [--timeout SECONDS]

        Requests that the model is answering are answered first.

        Example:

            %undeploy taxi/1
        """
        from kd_magics import models

        models.undeploy(self._session, line)

    @no_var_expand
    @line_magic
    def predict(self, line: str) -> Any:
        """Ask a deployed model, and return its answer.

            %predict NAME/VERSION JSON_OR_VARIABLE [--on CLUSTER]

        The argument is a JSON object, a list of them (many rows), a JSON text in single quotes
        (a script's command line), or the name of a variable that holds such a value; a DataFrame
        is a list of its rows.

        Examples:

            %predict taxi/1 {"work": 1, "trip_distance": 2.5}
            seconds = %predict taxi/1 ride
        """
        from kd_magics import predictions

        return predictions.predict(self._session, line)


NAMES = tuple(PipelineMagics.magics["line"])
_LOADED = "_kd_magics"


def load(shell: "InteractiveShell") -> None:
    """Register our magics with a shell; loading twice is as once."""
    unload(shell)
    session = Session(shell)
    clusters = ClusterMagics(session)
    magics = PipelineMagics(shell, session, clusters)
    shell.register_magics(magics)
    shell.events.register("pre_run_cell", clusters.refresh)
    shell.input_transformers_cleanup.append(clusters.take_refused)
    setattr(shell, _LOADED, magics)
    clusters.refresh()


def unload(shell: "InteractiveShell") -> None:
    """Take our magics and our hooks away from a shell; what was never loaded is left alone."""
    magics: PipelineMagics | None = getattr(shell, _LOADED, None)
    if magics is None:
        return
    shell.events.unregister("pre_run_cell", magics.clusters.refresh)
    shell.input_transformers_cleanup.remove(magics.clusters.take_refused)
    magics.clusters.unregister()
    magics.stop_cards()
    lines = shell.magics_manager.magics["line"]
    for name in NAMES:
        if getattr(lines.get(name), "__self__", None) is magics:
            del lines[name]
    setattr(shell, _LOADED, None)
