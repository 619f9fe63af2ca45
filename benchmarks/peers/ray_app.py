"""Ray Serve. ``python ray_app.py PORT``; with ``RAY_SERVE_ENABLE_HA_PROXY=1`` behind HAProxy."""

import os
import sys
import time

import numpy as np
import ray
import xgboost as xgb
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=2, ray_actor_options={"num_cpus": 0.5})
class Taxi:
    """The model."""

    def __init__(self, path: str) -> None:
        """Load the model."""
        self.booster = xgb.Booster(model_file=path)
        self.booster.set_param({"nthread": 1})

    async def __call__(self, request: Request) -> dict[str, float]:
        """Answer a row of features with a prediction."""
        row = (await request.json())["scoring_args"]
        values = np.array([list(row.values())], dtype=np.float32)
        return {"output": float(self.booster.inplace_predict(values)[0])}


if __name__ == "__main__":
    ray.init(include_dashboard=False, configure_logging=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Taxi.bind(os.environ["MODEL"]), route_prefix="/predict")
    time.sleep(3600)
