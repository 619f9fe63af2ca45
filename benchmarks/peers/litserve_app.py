"""LitServe. ``python litserve_app.py PORT``."""

import os
import sys
from typing import Any

import litserve
import numpy as np
import xgboost as xgb


class Api(litserve.LitAPI):
    """The model."""

    def setup(self, device: str) -> None:
        """Load the model."""
        self.booster = xgb.Booster(model_file=os.environ["MODEL"])
        self.booster.set_param({"nthread": 1})

    def predict(self, body: dict[str, Any]) -> dict[str, float]:
        """Answer a row of features with a prediction."""
        row = np.array([list(body["scoring_args"].values())], dtype=np.float32)
        return {"output": float(self.booster.inplace_predict(row)[0])}


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=2)
    server.run(
        port=int(sys.argv[1]), host="127.0.0.1", log_level="error", generate_client_file=False
    )
