"""All that one can do, on one object: what ``connect()`` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kd_client.attached import Attached, user_name

if TYPE_CHECKING:
    from kd_client.jobs.job import Job
    from kd_client.jobs.listing import Jobs, Wanted
    from kd_client.mlflow import Mlflow
    from kd_client.models.candidates import Candidates
    from kd_client.models.deployment import Deployed
    from kd_client.models.deployment_states import DeploymentStates
    from kd_client.models.predictions import Prediction
    from kd_client.models.registration import Registered
    from kd_pipeline.errors import KdError
    from kd_pipeline.messages import Environment
    from kd_pipeline.messages.sidebar import EngineList
    from kd_pipeline.model_config import ModelConfig
    from kd_pipeline.registry import Registry


class Client(Attached):
    """The connected clusters and the registered models, and what one can do with them.

    Every verb takes plain arguments, blocks until it is done, and returns data or raises a KdError
    with one sentence. ``job(text)`` finds a job; the handle that it and :meth:`submit` return has
    ``wait``, ``log``, ``outputs``, ``result``, ``why``, ``rerun`` and ``cancel``.
    """

    def attachments(self) -> EngineList:
        """Return how each connected cluster is now; all are asked together, for 2 s at most."""
        from kd_client.engines import engine_list

        return engine_list(self)

    def training_clusters(self) -> dict[str, Environment | KdError | None]:
        """Return of each training cluster what a job finds there, or why it does not answer.

        An engine of 2020 tells nothing: None.
        """
        from kd_client.training_states import environments

        return environments(self, [c.name for c in self.connections().training_clusters()])

    def submit(self, code: str, cluster: str | None = None, **fields: Any) -> Job:
        """Send Python code to a training cluster as a job, and return it at once.

        ``cluster`` may be left out where only one is connected. ``fields`` are those of
        :class:`kd_pipeline.messages.SubmitJob`: name, params, outputs, env, timeout_s, files,
        requirements, resources and more. Raises UnknownCluster, EngineDown, InvalidInput.
        """
        from kd_pipeline.messages import SubmitJob

        client = self.training(cluster) if cluster else self.only_training()
        wanted = SubmitJob(code, **{"user": user_name(), **fields})
        return self.handle(client, client.submit(wanted))

    def jobs(self, wanted: Wanted | None = None) -> Jobs:
        """Return the newest jobs of all clusters, or those that are ``wanted``.

        A cluster that does not answer is among ``troubles``, and the others' jobs are there.
        """
        from kd_client.jobs.listing import Wanted, find_jobs

        return find_jobs(self, wanted or Wanted())

    def models(self) -> list[ModelConfig]:
        """Return the registered model versions, by name and version."""
        return self._registry().models()

    def register(self, name: str, **fields: Any) -> Registered:
        """Register a model version; see :func:`kd_client.models.registration.register`."""
        from kd_client.models.registration import register

        return register(name, **fields)

    def candidates(self, job: Job, name: str = "") -> Candidates:
        """Return what a registration would take from a job.

        See :func:`kd_client.models.candidates.candidates`.
        """
        from kd_client.models.candidates import candidates

        return candidates(job, name, self.models())

    def describe(self, name: str, version: str, text: str) -> None:
        """Change a version's description; raises ModelNotFound."""
        self._registry().describe(name, version, text)

    def unregister(self, name: str, version: str) -> ModelConfig:
        """Delete a version's ConfigMap, and return what it was; its files stay.

        Raises ModelNotFound, and Conflict where it is deployed or has an alias.
        """
        from kd_client.models.registration import delete_version

        return delete_version(self._registry(), name, version)

    def aliases(self, name: str) -> dict[str, str]:
        """Return which version each alias of a model is."""
        return dict(self._registry().aliases_of(name).versions)

    def alias(self, name: str, alias: str, version: str | None) -> None:
        """Move an alias to a version, or delete it where that is None.

        Engines follow in a moment: :meth:`deployments` tells when.

        Raises ModelNotFound, InvalidModel, NotFound for one to delete that is not there.
        """
        from kd_client.models.aliases import delete_alias, move_alias

        if version is None:
            delete_alias(self._registry(), name, alias)
        else:
            move_alias(self._registry(), name, version, alias)

    def deployments(self) -> DeploymentStates:
        """Return how each version is on each deployment cluster, as its engines say."""
        from kd_client.models.deployment_states import DeploymentStates

        connected = self.connections().deployment_clusters()
        return DeploymentStates(self, [cluster.name for cluster in connected])

    def mlflow(self, cluster: str | None = None, credentials: str | None = None) -> Mlflow:
        """Return the connected MLflow cluster; see :func:`kd_client.mlflow.find_mlflow`."""
        from kd_client.mlflow import find_mlflow

        return find_mlflow(self, cluster, credentials)

    def deploy(
        self, name: str, version: str, cluster: str | None = None, timeout_s: float = 120.0
    ) -> Deployed:
        """Serve a version; see :func:`kd_client.models.deployment.deploy`."""
        from kd_client.models.deployment import deploy

        return deploy(self, name, version, cluster, timeout_s)

    def undeploy(
        self, name: str, version: str, cluster: str | None = None, timeout_s: float = 120.0
    ) -> tuple[str, bool]:
        """Take a version off; see :func:`kd_client.models.deployment.undeploy`."""
        from kd_client.models.deployment import undeploy

        return undeploy(self, name, version, cluster, timeout_s)

    def predict(
        self, name: str, version: str, args: Any = ..., cluster: str | None = None
    ) -> Prediction:
        """Ask a deployed version, without ``args`` with its registered example.

        See :func:`kd_client.models.predictions.predict`.
        """
        from kd_client.models.predictions import predict

        return predict(self, name, version, args, cluster)

    @staticmethod
    def _registry() -> Registry:
        from kd_pipeline.registry import open_registry

        return open_registry()


def connect() -> Client:
    """Return a client of what is connected here, as configmeta.json says.

    That is KubeDirector's file in a notebook's pod, else that of `kd up`; KD_CONFIGMETA names
    another. Raises NoConnections where there is none.
    """
    client = Client()
    client.connections()
    return client
