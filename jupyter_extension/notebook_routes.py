"""The route to the notebooks that jobs and models came from."""

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_extension.route import Route


class NotebookPlaceRoute(Route):
    """GET notebook?path=&cell=."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer where a notebook is, as an origin names it, and whether it has a cell."""
        given = self.query({"path", "cell"})
        path, cell = given.get("path", ""), given.get("cell", "")
        await self.answer(self.pipeline.cells.place, path, cell)


ROUTES: list[tuple[str, type[Route]]] = [(r"/notebook", NotebookPlaceRoute)]
