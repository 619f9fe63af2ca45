"""The routes of the Open Inference Protocol that tell of the server and its models.

Predictions are in :mod:`~kd_engines.deployment.infer_form`.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kd_engines.deployment.binary_tensors import EXTENSION
from kd_engines.deployment.infer_form import OUTPUT
from kd_engines.web.answers import json_response
from kd_pipeline.errors import ModelNotReady, Unavailable
from kd_pipeline.messages import InferModel, TensorShape

if TYPE_CHECKING:
    from kd_engines.deployment.app import DeploymentEngine


async def get_server(_request: Request) -> Response:
    """GET /v2: this server, in the Open Inference Protocol."""
    try:
        number = version("kd-magics")
    except PackageNotFoundError:
        number = "unknown"
    return json_response({"name": "kd-magics", "version": number, "extensions": [EXTENSION]})


async def live(_request: Request) -> Response:
    """GET /v2/health/live: the process answers."""
    return json_response({"live": True})


async def ready(request: Request) -> Response:
    """GET /v2/health/ready: as /health/ready."""
    if not _engine(request).models.settled.is_set():
        raise Unavailable("The models are still being loaded; try again in a moment.")
    return json_response({"ready": True, "live": True})


async def get_metadata(request: Request) -> Response:
    """GET /v2/models/{name}: a model, by the version that is asked where none is named."""
    models = _engine(request).models
    name = request.path_params["name"]
    number = request.path_params.get("version") or models.default_version(name)
    served = models.find(name, number)
    loaded = served.loaded
    inputs: list[TensorShape] = []
    if loaded and loaded.names:
        inputs = [TensorShape(column, "FP64", [-1]) for column in loaded.names]
    elif loaded:
        inputs = [TensorShape("rows", "FP64", [-1, loaded.width])]
    outputs = [TensorShape(OUTPUT, "FP64", [-1])] if loaded else []
    platform = f"kd-magics_{loaded.format if loaded else served.kind}"
    return json_response(InferModel(name, models.versions(name), platform, inputs, outputs))


async def get_version_metadata(request: Request) -> Response:
    """GET /v2/models/{name}/versions/{version}: one version of a model."""
    return await get_metadata(request)


async def model_ready(request: Request) -> Response:
    """GET /v2/models/{name}/ready: whether a model answers."""
    models = _engine(request).models
    name = request.path_params["name"]
    number = request.path_params.get("version") or models.default_version(name)
    served = models.find(name, number)
    if served.failure:
        raise ModelNotReady(f"Model {served.label} does not run: {served.failure}")
    return json_response({"name": name, "ready": True})


async def version_ready(request: Request) -> Response:
    """GET /v2/models/{name}/versions/{version}/ready: whether a version answers."""
    return await model_ready(request)


def _engine(request: Request) -> "DeploymentEngine":
    engine: DeploymentEngine = request.app.state.engine
    return engine


ROUTES = [
    Route("/v2", get_server),
    Route("/v2/health/live", live, name="v2_live"),
    Route("/v2/health/ready", ready, name="v2_ready"),
    Route("/v2/models/{name}", get_metadata),
    Route("/v2/models/{name}/ready", model_ready),
    Route("/v2/models/{name}/versions/{version}", get_version_metadata),
    Route("/v2/models/{name}/versions/{version}/ready", version_ready),
]
