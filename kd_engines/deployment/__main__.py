"""``python -m kd_engines.deployment --host 127.0.0.1 --port 10001``: run a deployment engine.

``KD_CONFIGMETA`` names its configmeta.json (own tokens, connected models), ``KD_PROJECT_REPO`` the
shared folder. Limits in seconds: ``KD_PREDICT_TIMEOUT_S`` (none), ``KD_LOAD_TIMEOUT_S`` (300),
``KD_REMOVAL_GRACE_S`` (3: how long a model that is no longer connected still serves).
``KD_MODEL_QUEUE`` is how many requests may wait for one model (1000), ``KD_MODEL_PROCESSES`` how
many processes it may have (as many as there are processors). ``KD_COMPILED_CACHE`` is a folder of
this user for compiled models (~/.cache/kd-magics/compiled); empty, none are kept.
"""

import sys

from kd_engines.deployment.app import DeploymentEngine, deployment_app
from kd_engines.deployment.limits import Limits
from kd_engines.web.direct import DirectRoute
from kd_engines.web.guard import Guard, guard
from kd_engines.web.serve import run_engine
from kd_pipeline.connections_file import ConnectionsFile
from kd_pipeline.project_repository import ProjectRepository


def build() -> tuple[Guard, DirectRoute]:
    """Return the engine's guarded application, and what is asked before it.

    Raises KdError for a wrong setting.
    """
    repository = ProjectRepository.default().create()
    engine = DeploymentEngine(ConnectionsFile(), repository, Limits.from_environment())
    app, predict = deployment_app(engine)
    return guard(app, engine.tokens), predict


if __name__ == "__main__":
    sys.exit(run_engine("kd_engines.deployment", build))
