"""What an ONNX file is made of, before anything runs it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kd_engines.deployment.formats.originals import needed

# Operators whose time depends on the values that they are given.
CONTROL = frozenset({"If", "Loop", "Scan", "SequenceMap"})


@dataclass(frozen=True)
class OnnxParts:
    """The names of other ``files`` that hold weights, and whether its time is that of any row."""

    files: tuple[str, ...]
    has_control: bool

    @property
    def is_plain(self) -> bool:
        """Tell whether it is whole by itself, and takes the same time for each row."""
        return not self.files and not self.has_control


def onnx_parts(path: Path) -> OnnxParts:
    """Look at an ONNX file; raises CannotServe where onnx is missing, and what onnx raises."""
    onnx = needed("onnx", "onnx")
    model = onnx.load(str(path), load_external_data=False)
    operators: set[str] = set()
    files: set[str] = set()
    graphs = [model.graph, *model.functions]
    while graphs:
        graph = graphs.pop()
        tensors: list[Any] = list(getattr(graph, "initializer", ()))
        for node in graph.node:
            operators.add(node.op_type)
            for one in node.attribute:
                graphs += [one.g] if one.HasField("g") else []
                graphs += list(one.graphs)
                tensors += [one.t] if one.HasField("t") else []
                tensors += list(one.tensors)
        for tensor in tensors:
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                files |= {e.value for e in tensor.external_data if e.key == "location"}
    return OnnxParts(tuple(sorted(files)), bool(operators & CONTROL))
