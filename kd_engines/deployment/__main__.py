"""``python -m kd_engines.deployment --host 127.0.0.1 --port 10001``: run a deployment engine.

``KD_CONFIGMETA`` names its configmeta.json (own tokens, connected models), ``KD_PROJECT_REPO`` the
shared folder. Limits in seconds: ``KD_PREDICT_TIMEOUT_S`` (60), ``KD_LOAD_TIMEOUT_S`` (300),
``KD_REMOVAL_GRACE_S`` (3: how long a model that is no longer connected still serves).
``KD_MODEL_QUEUE`` is how many requests may wait for one model (1000).
"""

import argparse
import logging
import sys

from kd_engines.deployment.app import DeploymentEngine, deployment_app
from kd_engines.deployment.loading import Limits
from kd_engines.http import guard
from kd_engines.serve import serve
from kd_pipeline.connections_file import ConnectionsFile
from kd_pipeline.errors import KdError
from kd_pipeline.project_repository import ProjectRepository

log = logging.getLogger("kd_engines.deployment")


def main() -> int:
    """Run the engine until it is told to stop; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m kd_engines.deployment")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=10001)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        repository = ProjectRepository.default().create()
        engine = DeploymentEngine(ConnectionsFile(), repository, Limits.from_environment())
        guarded = guard(deployment_app(engine), engine.tokens)
        serve(guarded, arguments.host, arguments.port, lambda port: log.info("port %d", port))
    except (KdError, OSError) as error:
        print(f"The deployment engine cannot run: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
