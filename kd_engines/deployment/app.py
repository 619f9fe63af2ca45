"""The deployment engine's HTTP application: every route, and what runs beside them."""

import asyncio
import contextlib
import logging
import platform
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from kd_engines.deployment import open_inference
from kd_engines.deployment.collector import calm_collector
from kd_engines.deployment.history import LARGEST_LISTED, History
from kd_engines.deployment.limits import Limits
from kd_engines.deployment.model_set import ModelSet
from kd_engines.deployment.openapi import API
from kd_engines.deployment.peers import ask_peers, first_id, is_peer
from kd_engines.deployment.predict import Predict, host_of, target_of
from kd_engines.deployment.worker_group import WorkerGroup
from kd_engines.packages import packages
from kd_engines.web.answers import application, json_response
from kd_pipeline.connections import Connections
from kd_pipeline.connections_file import ConnectionsFile
from kd_pipeline.daemon_thread import in_daemon_thread
from kd_pipeline.errors import NotFound, Unavailable
from kd_pipeline.messages import ModelList, ScoringEnvironment
from kd_pipeline.project_repository import ProjectRepository

log = logging.getLogger("kd_engines.deployment")
# How long a model that is still being loaded keeps a started engine from being ready.
LONGEST_START_S = 30.0


class DeploymentEngine:
    """An engine's state: what is connected to it, its models and its recent predictions."""

    def __init__(self, file: ConnectionsFile, repository: ProjectRepository, limits: Limits):
        self._file, self._repository, self._limits = file, repository, limits
        self.connections: Connections | None = None
        self._stop = threading.Event()
        self.history = History(socket.gethostname())
        self._group = WorkerGroup(file.path)
        self.models = ModelSet(repository, limits, self._group, self.history.last_asked)

    def tokens(self) -> frozenset[str]:
        """Return the tokens that are accepted now."""
        return self.connections.tokens if self.connections else frozenset()

    @property
    def generation(self) -> str | None:
        """Return which content of configmeta.json the models follow."""
        return self.connections.generation if self.connections else None

    @property
    def last_error(self) -> str | None:
        """Return why the newest content of configmeta.json could not be used."""
        return self._file.last_error

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow configmeta.json and serve its models."""
        loop = asyncio.get_running_loop()

        def follow() -> None:
            for connections in self._file.changes(self._stop):
                if not self._stop.is_set():
                    loop.call_soon_threadsafe(self._want, connections)

        await in_daemon_thread(self._group.end_former)
        thread = threading.Thread(target=follow, name="configmeta", daemon=True)
        thread.start()
        beside = [
            asyncio.create_task(self._end_of_start()),
            asyncio.create_task(self.models.see_that_they_answer()),
            asyncio.create_task(self.models.see_what_they_need()),
        ]
        try:
            yield
        finally:
            self._stop.set()
            for task in beside:
                task.cancel()
            await self.models.close()

    def _want(self, connections: Connections) -> None:
        self.connections = connections
        self.history.first_id = first_id(connections)
        log.info("%d models are connected", len(connections.models()))
        self.models.aliases.want(connections.aliases())
        self.models.want(connections.models())

    async def _end_of_start(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_START_S):
                await self.models.settled.wait()
        calm_collector()
        self.models.settled.set()


async def list_models(request: Request) -> Response:
    """GET /models: every connected version, its state, and why not."""
    engine: DeploymentEngine = request.app.state.engine
    models, traffic = engine.models, engine.history.traffic()
    statuses = models.statuses()
    for status in statuses:
        status.traffic = traffic.get(f"{status.name}/{status.version}")
    return json_response(
        ModelList(statuses, engine.generation, engine.last_error, models.aliases.statuses())
    )


async def get_model(request: Request) -> Response:
    """GET /models/{name}/{version}: one version, with the end of what its worker printed."""
    engine: DeploymentEngine = request.app.state.engine
    parts = request.path_params
    return json_response(engine.models.status(parts["name"], parts["version"]))


async def list_predictions(request: Request) -> Response:
    """GET /history: each engine's last thousand predictions, newest first, without long texts."""
    engine: DeploymentEngine = request.app.state.engine
    host = host_of(request.scope)
    told = [engine.history.told(one, host, LARGEST_LISTED) for one in engine.history.all()]
    for others in await _of_peers(request, "/history"):
        known = {one["id"] for one in told}
        told += [_at(host, one) for one in others if one["id"] not in known]
    return json_response(sorted(told, key=lambda one: str(one["time"]), reverse=True))


async def get_prediction(request: Request) -> Response:
    """GET /predictions/{id}: one of the last thousand predictions of an engine."""
    return json_response(await _prediction(request))


async def get_history(request: Request) -> Response:
    """GET /history/{id}: the same in a list of one, as clients of 2020 read it."""
    return json_response([await _prediction(request)])


async def _prediction(request: Request) -> dict[str, Any]:
    history: History = request.app.state.engine.history
    host, number = host_of(request.scope), request.path_params["id"]
    try:
        return history.told(history.get(number), host)
    except NotFound:
        found = await _of_peers(request, f"/predictions/{number}")
        if not found:
            raise
        return _at(host, found[0])


async def get_log(request: Request) -> Response:
    """GET /logs/{id}: what a scoring script of 2020 wrote to standard error."""
    number = request.path_params["id"]
    try:
        prediction = request.app.state.engine.history.get(number)
    except NotFound:
        found = await _of_peers(request, f"/logs/{number}")
        if not found:
            raise
        return json_response(found[0])
    return json_response({"id": prediction.id, "logs": prediction.log})


async def _of_peers(request: Request, path: str) -> list[Any]:
    """Return what the other engines answer at ``path``, unless it is one of them that asks."""
    if is_peer(request.headers) or not request.path_params.get("id", "0").isdecimal():
        return []
    return await ask_peers(request.app.state.engine.connections, quote(path))


def _at(host: str, told: dict[str, Any]) -> dict[str, Any]:
    """Return another engine's prediction with URLs on the host that was asked."""
    number = told["id"]
    return {**told, "log_url": f"{host}/logs/{number}", "request_url": f"{host}/history/{number}"}


async def get_environment(_request: Request) -> Response:
    """GET /environment: the Python and the packages that scoring scripts will find."""
    found = await asyncio.to_thread(packages)
    return json_response(ScoringEnvironment(platform.python_version(), found))


async def live(_request: Request) -> Response:
    """GET /health/live: the process answers."""
    return json_response({"live": True})


async def ready(request: Request) -> Response:
    """GET /health/ready: every model that was connected at the start is loaded, or has failed."""
    if not request.app.state.engine.models.settled.is_set():
        raise Unavailable("The models are still being loaded; try again in a moment.")
    return json_response({"ready": True})


async def get_openapi(_request: Request) -> Response:
    """GET /openapi.json: this list of routes."""
    return json_response(API.document([*ROUTES, *PREDICTIONS]))


ROUTES = [
    Route("/models", list_models),
    Route("/models/{name}/{version}", get_model),
    Route("/history", list_predictions),
    Route("/history/{id}", get_history),
    Route("/predictions/{id}", get_prediction),
    Route("/logs/{id}", get_log),
    Route("/environment", get_environment),
    *open_inference.ROUTES,
    Route("/health/live", live),
    Route("/health/ready", ready),
    Route("/openapi.json", get_openapi),
]


# Served before the others (see deployment_app); here for their description, and other methods' 405.
PREDICTIONS = [
    Route("/{name}/{version}/predict", Predict, methods=["POST"], name="predict"),
    Route("/v2/models/{name}/infer", Predict, methods=["POST"], name="infer"),
    Route(
        "/v2/models/{name}/versions/{version}/infer",
        Predict,
        methods=["POST"],
        name="infer_version",
    ),
]


def deployment_app(engine: DeploymentEngine) -> tuple[ASGIApp, Predict]:
    """Return the application, and what answers plain predictions before it.

    While the application runs, so do the engine's models.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with engine.running():
            yield

    others = application([*ROUTES, *PREDICTIONS], lifespan=lifespan)
    others.state.engine = engine
    predict = Predict(engine.models, engine.history)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and target_of(scope["path"]):
            await predict(scope, receive, send)
        else:
            await others(scope, receive, send)

    return app, predict
