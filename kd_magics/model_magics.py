"""The line magics about models; each is one call of the module that does it."""

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, magics_class

from kd_magics.line_magic import line_magic
from kd_magics.session import Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@magics_class
class ModelMagics(Magics):
    """%register, %describe, %unregister, %models, %alias, %deploy, %undeploy and %predict."""

    def __init__(self, shell: "InteractiveShell", session: Session) -> None:
        super().__init__(shell)
        self._session = session

    @line_magic
    def register(self, line: str) -> None:
        """Register a model version: it becomes a ConfigMap that can be deployed.

            %register NAME [--job [CLUSTER/]JOB] [--version V] [--path PATH] [--scoring SCRIPT]
                      [--description TEXT] [--metrics JSON] [--example JSON]

        --job        the job that wrote the model; without it and --path, this notebook's last one
        --version    without it the next free one
        --path       the model's file or folder in the project repository; without it what the job
                     wrote under models/
        --scoring    the Python script that scores with it; without it that of the newest version,
                     or one that the job wrote under code/
        --metrics    how good it is, as JSON or the name of a variable; of a job, added to what it
                     printed
        --example    arguments of a prediction, as JSON or the name of a variable
        --description    a sentence for people, which %describe can change

        Paths are written repo://project_repo/models/x, models/x or as the mount point shows them.
        Versions do not change: other content needs another version. The job's params, code, git
        commit and notebook are kept with it.

        Examples:

            %register taxi
            %register taxi --job training-engine-instance/9
            %register taxi --version 1 --path models/taxi/1 --scoring code/score_taxi.py
            %register taxi --version {v} --path models/taxi/{v} --scoring code/s.py --metrics scores
        """
        from kd_magics.models import registration

        registration.register(self._session, line)

    @line_magic
    def describe(self, line: str) -> None:
        """Change a registered model version's description, which alone of it may change.

            %describe NAME/VERSION TEXT

        Example:

            %describe taxi/1 "trained on January, without airports"
        """
        from kd_magics.models import registration

        registration.describe(self._session, line)

    @line_magic
    def unregister(self, line: str) -> None:
        """Delete a model version's ConfigMap; the model's files stay.

            %unregister NAME/VERSION

        A version that is deployed, or has an alias, is not deleted.

        Example:

            %unregister taxi/1
        """
        from kd_magics.models import registration

        registration.unregister(self._session, line)

    @line_magic
    def models(self, line: str) -> None:
        """Show the registered models, their metrics, where they are deployed, and their state.

            %models

        A version that is nowhere deployed says so, and whether an older one is.
        """
        from kd_magics.models import models

        models.models(self._session, line)

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
        from kd_magics.models import aliases

        aliases.alias(self._session, line)

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
        from kd_magics.models import models

        models.deploy(self._session, line)

    @line_magic
    def undeploy(self, line: str) -> None:
        """Take a model off a deployment cluster and wait until it is gone; it stays registered.

            %undeploy NAME/VERSION [--from CLUSTER] [--timeout SECONDS]

        Requests that the model is answering are answered first.

        Example:

            %undeploy taxi/1
        """
        from kd_magics.models import models

        models.undeploy(self._session, line)

    @line_magic
    def predict(self, line: str) -> Any:
        """Ask a deployed model, and return its answer.

            %predict NAME/VERSION [JSON_OR_VARIABLE] [--on CLUSTER] [--curl]

        The argument is a JSON object, a list of them (many rows), a JSON text in single quotes
        (a script's command line), or the name of a variable that holds such a value; a DataFrame
        is a list of its rows. Without one it is the example that was registered with the model.

        --on CLUSTER   the deployment cluster, where several are attached
        --curl         print the request as a command for a terminal, instead of asking

        Examples:

            %predict taxi/1 {"work": 1, "trip_distance": 2.5}
            seconds = %predict taxi/1 ride
            %predict taxi/1
        """
        from kd_magics.models import predictions

        return predictions.predict(self._session, line)
