"""The ceiling: the least that one can write by hand, raw ASGI and onnxruntime.

No token, no isolation, no swap, no history. ``uvicorn benchmarks.ceiling:app``, ``MODEL`` names the
ONNX file.
"""

import os
from typing import Any

import msgspec
import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(
    os.environ["MODEL"], options, providers=["CPUExecutionProvider"]
)
NAME = session.get_inputs()[0].name
HEADERS = [(b"content-type", b"application/json")]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer a row of features with a prediction."""
    if scope["type"] != "http":
        return
    body = (await receive())["body"]
    row = msgspec.json.decode(body)["scoring_args"]
    values = np.array([list(row.values())], dtype=np.float32)
    answer = msgspec.json.encode({"output": float(session.run(None, {NAME: values})[0][0, 0])})
    length = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS + length})
    await send({"type": "http.response.body", "body": answer})
