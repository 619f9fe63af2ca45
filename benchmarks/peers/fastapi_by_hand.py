"""FastAPI as somebody writes it who knows that pandas is slow. ``uvicorn fastapi_by_hand:app``."""

import os
from typing import Any

import numpy as np
import xgboost as xgb
from fastapi import FastAPI

booster = xgb.Booster(model_file=os.environ["MODEL"])
booster.set_param({"nthread": 1})
app = FastAPI()


@app.post("/predict")
def predict(body: dict[str, Any]) -> dict[str, float]:
    """Answer a row of features with a prediction."""
    row = np.array([list(body["scoring_args"].values())], dtype=np.float32)
    return {"output": float(booster.inplace_predict(row)[0])}
