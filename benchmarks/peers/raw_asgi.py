"""The peer: what one writes by hand for one model, raw ASGI and XGBoost's `inplace_predict`.

No token, no isolation, no swap, no history. ``uvicorn benchmarks.raw_asgi:app``, ``MODEL`` names
the model's file.
"""

import os
from typing import Any

import msgspec
import numpy as np
import xgboost as xgb

booster = xgb.Booster(model_file=os.environ["MODEL"])
booster.set_param({"nthread": 1})
HEADERS = [(b"content-type", b"application/json")]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer a row of features with a prediction."""
    if scope["type"] != "http":
        return
    body = (await receive())["body"]
    row = msgspec.json.decode(body)["scoring_args"]
    value = float(booster.inplace_predict(np.array([list(row.values())], dtype=np.float32))[0])
    answer = msgspec.json.encode({"output": value})
    length = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS + length})
    await send({"type": "http.response.body", "body": answer})
