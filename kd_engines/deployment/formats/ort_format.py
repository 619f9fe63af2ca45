"""ONNX models in onnxruntime's own format, in which it keeps a fifth of the memory for one.

Of ONNX it keeps each node's attributes (a forest's thresholds) as they were beside what it has made
of them. https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from kd_engines.deployment.formats.onnx_model import OnnxModel

ROWS = 64


def ort_format(content: bytes, model: OnnxModel) -> bytes:
    """Return ``content``, which is that of ``model``, in onnxruntime's own format.

    It is good for this version of onnxruntime on this kind of processor. Where it would not predict
    the same, to the last bit, ``content`` comes back as it is.
    """
    import onnxruntime

    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.ort")
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 4
            options.optimized_model_filepath = str(path)
            options.add_session_config_entry("session.save_model_format", "ORT")
            onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            converted = path.read_bytes()
        rows = np.random.default_rng(0).normal(size=(ROWS, model.columns.width)) * 10
        wanted = model.outputs(rows)
        found = OnnxModel(converted, model.columns, model.takes).outputs(rows)
    except Exception:  # what it does not take; ONNX will do
        return content
    return converted if _bits(found) == _bits(wanted) else content


def _bits(outputs: dict[str, Any]) -> list[Any]:
    """Return outputs as what can be compared, also where they are NaN."""
    return [
        (name, output.dtype.str, output.tobytes())
        if isinstance(output, np.ndarray) and output.dtype.kind != "O"
        else (name, repr(output))
        for name, output in outputs.items()
    ]
