"""The server extension ``kd_magics``: it adds the routes below /kd-magics to a Jupyter server."""

from collections.abc import Iterator
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from jupyter_server.extension.application import ExtensionApp
from tornado import web

from jupyter_extension import (
    deployment_routes,
    engine_routes,
    job_routes,
    model_routes,
    notebook_routes,
    registration_routes,
)
from jupyter_extension.pipeline import Pipeline
from jupyter_extension.route import Route, quoted
from kd_pipeline.errors import NotFound

PREFIX = "/kd-magics"


class NoRoute(Route):
    """Whatever no other route takes, so that this too is told as all errors are."""

    @web.authenticated
    @authorized
    async def get(self, path: str) -> None:
        """Answer that there is no such route."""
        raise NotFound(f"There is no {self.request.method} {quoted(path)} below {PREFIX}.")

    head = post = put = patch = delete = get


ROUTES: list[tuple[str, type[Route]]] = [
    *engine_routes.ROUTES,
    *job_routes.ROUTES,
    *model_routes.ROUTES,
    *registration_routes.ROUTES,
    *notebook_routes.ROUTES,
    *deployment_routes.ROUTES,
    (r"/?(?P<path>.*)", NoRoute),
]


class KdMagicsApp(ExtensionApp):
    """The pipeline of this server's user, for the sidebar."""

    name = "kd_magics"

    def initialize_handlers(self) -> None:
        """Add the routes; all share one pipeline."""
        root = self.serverapp.root_dir if self.serverapp else "."
        self.handlers.extend(_handlers(Pipeline(Path(root))))


def _handlers(pipeline: Pipeline) -> Iterator[tuple[str, type[Route], dict[str, Pipeline]]]:
    for path, route in ROUTES:
        yield PREFIX + path, route, {"pipeline": pipeline}
