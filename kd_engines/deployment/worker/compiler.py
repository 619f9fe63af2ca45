"""A process with a format's libraries imported, from which those that compile models are forked.

Importing them takes ten times as long as compiling a model.
"""

import contextlib
import importlib
import socket
from collections.abc import Callable

from kd_engines.deployment.wire import Ask, Frames
from kd_engines.deployment.worker.batching import arrived
from kd_engines.deployment.worker.script_kind import COMPILER
from kd_pipeline.model_formats import LIGHTGBM, ONNX, SKOPS, XGBOOST

_TREES = ("onnxmltools", "onnxmltools.convert.common.data_types", "onnx", "onnxruntime")
LIBRARIES = {
    XGBOOST: ("xgboost", "onnxmltools.convert.xgboost.convert", *_TREES),
    LIGHTGBM: ("lightgbm", "onnxmltools.convert.lightgbm.convert", *_TREES),
    SKOPS: ("skops.io", "sklearn.ensemble", "skl2onnx.common.data_types", "onnx", "onnxruntime"),
    ONNX: ("onnx", "onnxruntime"),
}


class Compiler:
    """Serves nothing but forks."""

    kind = COMPILER

    def __init__(self, format_name: str) -> None:
        with contextlib.suppress(ImportError):  # told where a model is compiled
            from kd_engines.deployment.worker import model_format  # noqa: F401
        for name in LIBRARIES.get(format_name, ()):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)

    def serve(self, connection: socket.socket, replicate: Callable[[], None]) -> None:
        """Fork when asked to, until the engine closes the connection."""
        frames = Frames(Ask)
        while arrived(connection, frames):
            replicate()
