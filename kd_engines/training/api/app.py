"""The training engine's HTTP application: every route, in one list."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kd_engines.training.api import contract_routes, routes, value_routes
from kd_engines.training.api.engine import Engine
from kd_engines.training.store.upkeep import sweep_jobs, sweep_places
from kd_engines.web.answers import application, error_response
from kd_pipeline.errors import Unavailable

log = logging.getLogger(__name__)
SWEEP_EVERY_S = 3600.0
SWEPT_AT_ONCE, SWEEP_PAUSE_S = 500, 0.5  # so that it takes a tenth of a processor
ROUTES = [
    # the 2020 product's
    Route("/train", contract_routes.train, methods=["POST"]),
    Route("/history", contract_routes.history),
    Route("/history/{id}", contract_routes.history_of_job),
    Route("/logs/{id}", contract_routes.logs),
    # ours
    Route("/jobs", routes.submit_job, methods=["POST"]),
    Route("/jobs", routes.list_jobs),
    Route("/jobs/{id}", routes.get_job),
    Route("/jobs/{id}/log", routes.get_log),
    Route("/jobs/{id}/outputs", routes.get_outputs),
    Route("/jobs/{id}/cancel", routes.cancel_job, methods=["POST"]),
    Route("/jobs/{id}/values", value_routes.get_values),
    Route("/jobs/{id}/values/{name}", value_routes.get_value),
    Route("/jobs/{id}/values/{name}/data", value_routes.get_value_data),
    Route("/jobs/{id}/failure", value_routes.get_failure),
    Route("/jobs/{id}/curves", value_routes.get_curves),
    Route("/jobs/{id}/code", value_routes.get_code),
    Route("/jobs/{id}/rerun", value_routes.rerun_job, methods=["POST"]),
    Route("/environment", routes.get_environment),
    Route("/preflight", routes.preflight, methods=["POST"]),
    Route("/health/live", routes.live),
    Route("/health/ready", routes.ready),
    Route("/openapi.json", routes.get_openapi),
]


def training_app(engine: Engine) -> Starlette:
    """Return the application; while it runs, so does the engine's queue."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.engine = engine
        await engine.queue.look()
        tasks = [asyncio.create_task(engine.queue.run()), asyncio.create_task(_sweep(engine))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            engine.queue.close()

    app = application(ROUTES, lifespan=lifespan)
    app.add_exception_handler(OSError, _unreadable)
    return app


def _unreadable(_request: Request, error: Exception) -> Response:
    """Answer where the repository, or a file handle, is away for a while."""
    log.warning("a request could not be answered: %s", error)
    reason = getattr(error, "strerror", None) or error
    return error_response(
        Unavailable(f"The project repository cannot be read now ({reason}); try again.")
    )


async def _sweep(engine: Engine) -> None:
    """Remove from time to time what crashes have left."""
    while True:
        try:
            folder, jobs = engine.store.folder, await asyncio.to_thread(engine.store.ids)
            await asyncio.to_thread(sweep_places, folder)
            for begin in range(0, len(jobs), SWEPT_AT_ONCE):
                await asyncio.to_thread(sweep_jobs, folder, jobs[begin : begin + SWEPT_AT_ONCE])
                await asyncio.sleep(SWEEP_PAUSE_S)
        except OSError as error:
            log.warning("what crashes have left could not be removed: %s", error)
        await asyncio.sleep(SWEEP_EVERY_S)
