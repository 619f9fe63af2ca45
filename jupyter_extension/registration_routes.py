"""Routes of the form that registers a model: what it begins with, what is wrong, its pickers."""

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_extension import registration, repository
from jupyter_extension.route import Route
from kd_pipeline.messages.sidebar_models import Registration


class CheckRoute(Route):
    """POST registration/check."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Answer what is wrong with a registration, and its ConfigMap; nothing is written."""
        await self.answer(registration.check, self.pipeline, self.body(Registration))


class DraftRoute(Route):
    """GET registration/draft?job=&name=."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer what the form begins with."""
        given = self.query({"job", "name"})
        job, name = given.get("job", ""), given.get("name", "")
        await self.answer(registration.draft, self.pipeline, job, name)


class RepositoryRoute(Route):
    """GET repository?path=."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer what is in a folder of the project repository."""
        await self.answer(repository.folder, self.query({"path"}).get("path", ""))


ROUTES: list[tuple[str, type[Route]]] = [
    (r"/registration/check", CheckRoute),
    (r"/registration/draft", DraftRoute),
    (r"/repository", RepositoryRoute),
]
