"""Routes of the pipeline itself and of its engines."""

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_extension.about import about
from jupyter_extension.route import CLUSTER, Route
from kd_client import engines


class EnginesRoute(Route):
    """GET engines."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer the connected clusters and how each is now."""
        self.query(set())
        await self.answer(engines.engine_list, self.attached)


class EngineRoute(Route):
    """GET engines/{cluster}."""

    @web.authenticated
    @authorized
    async def get(self, cluster: str) -> None:
        """Answer what a job will find on a training cluster."""
        self.query(set())
        await self.answer(engines.environment, self.attached, cluster)


class AboutRoute(Route):
    """GET about."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer whose pipeline this is, and where its parts are kept."""
        self.query(set())
        await self.answer(about, self.pipeline)


ROUTES: list[tuple[str, type[Route]]] = [
    (r"/about", AboutRoute),
    (r"/engines", EnginesRoute),
    (rf"/engines/{CLUSTER}", EngineRoute),
]
