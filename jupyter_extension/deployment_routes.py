"""Routes of deployment kdclusters, the models on them, and of trying a model."""

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_extension import deployments, new_deployment, predictions
from jupyter_extension.model_routes import MODEL, NamedRoute
from jupyter_extension.route import CLUSTER, Route
from kd_pipeline.messages.sidebar_models import MembersWanted, NewDeployment, PredictTry


class DeploymentsRoute(Route):
    """GET and POST deployments."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer every deployment, as it is wanted and as it is."""
        self.query(set())
        await self.answer(deployments.deployment_list, self.pipeline)

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Make a new deployment and answer it."""
        wanted = self.body(NewDeployment)
        await self.answer(new_deployment.create, self.pipeline, wanted, status=201)


class MembersRoute(Route):
    """PUT deployments/{cluster}/members."""

    @web.authenticated
    @authorized
    async def put(self, cluster: str) -> None:
        """Change how many engines a deployment shall have and answer it."""
        members = self.body(MembersWanted).members
        await self.answer(deployments.set_members, self.pipeline, cluster, members)


class ConnectRoute(NamedRoute):
    """PUT and DELETE deployments/{cluster}/models/{name}/{version}."""

    @web.authenticated
    @authorized
    async def put(self, cluster: str, name: str, version: str) -> None:
        """Connect a model and answer the deployment; its engines load it by and by."""
        await self.answer(deployments.connect, self.pipeline, cluster, name, version)

    @web.authenticated
    @authorized
    async def delete(self, cluster: str, name: str, version: str) -> None:
        """Take a model off and answer the deployment."""
        await self.answer(deployments.disconnect, self.pipeline, cluster, name, version)


class FormRoute(NamedRoute):
    """GET deployments/{cluster}/models/{name}/{version}/form."""

    @web.authenticated
    @authorized
    async def get(self, cluster: str, name: str, version: str) -> None:
        """Answer the form of a model's arguments."""
        self.query(set())
        await self.answer(predictions.form, self.pipeline, cluster, name, version)


class PredictRoute(NamedRoute):
    """POST deployments/{cluster}/models/{name}/{version}/predict."""

    @web.authenticated
    @authorized
    async def post(self, cluster: str, name: str, version: str) -> None:
        """Ask a model and answer its answer."""
        args = self.body(PredictTry).scoring_args
        await self.answer(predictions.predict, self.pipeline, cluster, name, version, args)

    def lane(self) -> str:
        """Return the model, which may take long; others and the cluster do not wait for it."""
        return "{cluster}'s model {name}".format(**self.path_kwargs)


ROUTES: list[tuple[str, type[Route]]] = [
    (r"/deployments", DeploymentsRoute),
    (rf"/deployments/{CLUSTER}/members", MembersRoute),
    (rf"/deployments/{CLUSTER}/models/{MODEL}", ConnectRoute),
    (rf"/deployments/{CLUSTER}/models/{MODEL}/form", FormRoute),
    (rf"/deployments/{CLUSTER}/models/{MODEL}/predict", PredictRoute),
]
