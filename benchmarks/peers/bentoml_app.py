"""BentoML. ``bentoml serve bentoml_app:Taxi``."""

import os
from typing import Any

import bentoml
import numpy as np
import xgboost as xgb


@bentoml.service(workers=2)
class Taxi:
    """The model."""

    def __init__(self) -> None:
        """Load the model."""
        self.booster = xgb.Booster(model_file=os.environ["MODEL"])
        self.booster.set_param({"nthread": 1})

    @bentoml.api
    def predict(self, scoring_args: dict[str, Any], use_scoring: bool = True) -> dict[str, float]:
        """Answer a row of features with a prediction."""
        row = np.array([list(scoring_args.values())], dtype=np.float32)
        return {"output": float(self.booster.inplace_predict(row)[0])}
