"""Flask. ``gunicorn flask_app:app``."""

import os
from typing import Any

import numpy as np
import xgboost as xgb
from flask import Flask, request

booster = xgb.Booster(model_file=os.environ["MODEL"])
booster.set_param({"nthread": 1})
app = Flask(__name__)


@app.post("/predict")
def predict() -> dict[str, Any]:
    """Answer a row of features with a prediction."""
    row = np.array([list(request.json["scoring_args"].values())], dtype=np.float32)
    return {"output": float(booster.inplace_predict(row)[0])}
