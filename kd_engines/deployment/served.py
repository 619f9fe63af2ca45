"""What serves a model version, wherever that is."""

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # numpy and onnxruntime are imported where a model needs them
    from kd_engines.deployment.served_compiled import ServedCompiled
    from kd_engines.deployment.served_model import ServedModel

Served: TypeAlias = "ServedModel | ServedCompiled"
