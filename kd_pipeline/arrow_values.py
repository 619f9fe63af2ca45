"""The Arrow form of tables and arrays: one IPC stream, with what Arrow itself does not know.

The key ``kd`` of the schema's metadata holds JSON: ``shape``, for an array ``dtype`` and ``order``
(C or F), for a DataFrame the columns that are ``objects``, for a Series whether it has a name. An
array is one column ``values`` in its own order: complex numbers as pairs of floats, times as whole
numbers of their unit.
"""

import importlib
import json
import math
from typing import Any

from kd_pipeline import frames
from kd_pipeline.errors import InvalidInput, TooLarge
from kd_pipeline.hints import AS_PICKLE

KINDS = frozenset(
    {
        "numpy.ndarray",
        "pandas.DataFrame",
        "pandas.Series",
        "polars.DataFrame",
        "pyarrow.Table",
    }
)
HOW_TO_WRITE = {
    "numpy.ndarray": 'numpy.save("data/{name}.npy", {name})',
    "pandas.DataFrame": '{name}.to_parquet("data/{name}.parquet")',
    "pandas.Series": '{name}.to_frame().to_parquet("data/{name}.parquet")',
    "polars.DataFrame": '{name}.write_parquet("data/{name}.parquet")',
    "pyarrow.Table": 'pyarrow.parquet.write_table({name}, "data/{name}.parquet")',
}
METADATA = b"kd"
# Arrow takes a bit for a truth value and a byte for an ASCII letter, NumPy 8 and 32 bits.
MOST_SAVED = 8


def kind_of(value: Any) -> str | None:
    """Return the name of a value's type where it has an Arrow form; imports nothing."""
    kind = type(value)
    name = f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
    return name if name in KINDS else None


def to_arrow(value: Any, kind: str, name: str, largest: int) -> bytes:
    """Return a table or an array as an Arrow IPC stream.

    Raises InvalidInput where pyarrow is missing or where the value would come back changed,
    TooLarge where it surely has more than ``largest`` bytes.
    """
    pa = package("pyarrow", name, kind)
    if (size := _least_bytes(value, kind)) > largest:
        raise _too_large(size, name, kind, largest)
    try:
        table, extra = _table(pa, value, kind, name, largest)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{name} ({kind.rpartition('.')[2]}) has no Arrow form: {_first_line(error)}; change "
            "that, or write it to a file of the project repository.",
            hint=AS_PICKLE,
        ) from None
    if table.nbytes > largest:
        raise _too_large(table.nbytes, name, kind, largest)
    metadata = {**(table.schema.metadata or {}), METADATA: json.dumps(extra).encode()}
    table = table.replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def from_arrow(data: bytes, kind: str, name: str) -> Any:
    """Return the table or array of an Arrow IPC stream; raises InvalidInput."""
    pa = package("pyarrow", name, kind)
    if kind not in KINDS:
        raise InvalidInput(f"{name} is a {kind[:80]!r}, a kind of value that is not known here.")
    package(kind.partition(".")[0], name, kind)
    try:
        table = pa.ipc.open_stream(pa.py_buffer(data)).read_all()
        metadata = dict(table.schema.metadata or {})
        extra = json.loads(metadata.pop(METADATA))
        return _value(table.replace_schema_metadata(metadata or None), kind, extra)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(
            f"{name} is not an Arrow stream of a {kind}: {_first_line(error)}."
        ) from None


def shape_of(data: bytes) -> list[int] | None:
    """Return the shape that an Arrow stream tells, where it tells one and pyarrow is there."""
    try:
        pa = package("pyarrow", "The value", "")
        extra = json.loads(pa.ipc.open_stream(pa.py_buffer(data)).schema.metadata[METADATA])
        return [int(length) for length in extra["shape"]]
    except (InvalidInput, OSError, KeyError, TypeError, ValueError):
        return None


def package(module: str, name: str, kind: str) -> Any:
    """Return a module that is imported only when used; raises InvalidInput, which names it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InvalidInput(
            f"{name} is a {kind}, which travels as Arrow, and the package {module} is not "
            f"installed here: pip install {module}."
        ) from None


def _least_bytes(value: Any, kind: str) -> int:
    """Return how many bytes a value has in Arrow's form at least: before there are as many more."""
    if kind == "pandas.DataFrame":
        sizes = zip(value.dtypes, value.memory_usage(index=False, deep=False), strict=True)
        return sum(_least_of(dtype, int(size)) for dtype, size in sizes)
    size = getattr(value, "nbytes", 0)
    if not isinstance(size, int):
        return 0
    return size if kind == "pyarrow.Table" else _least_of(getattr(value, "dtype", None), size)


def _least_of(dtype: Any, size: int) -> int:
    plain = getattr(dtype, "kind", "O") in "iufcmM" and type(dtype).__module__.startswith("numpy")
    return size if plain else size // MOST_SAVED


def _table(pa: Any, value: Any, kind: str, name: str, largest: int) -> tuple[Any, dict[str, Any]]:
    """Return a table of pyarrow, and what the stream's metadata must tell beside it."""
    shape = [int(length) for length in value.shape]
    if kind == "numpy.ndarray":
        column, extra = _column(pa, value, name)
        return pa.table({"values": column}), {"shape": shape, **extra}
    if kind == "pandas.DataFrame":
        table, objects = frames.to_table(pa, value, name, largest)
        return table, {"shape": shape, "objects": objects}
    if kind == "pandas.Series":
        frame = value.to_frame(0 if value.name is None else value.name)
        table, objects = frames.to_table(pa, frame, name, largest)
        return table, {"shape": shape, "objects": objects, "named": value.name is not None}
    if kind == "polars.DataFrame":
        table = value.to_arrow()
        back = importlib.import_module("polars").from_arrow(table)
        if back.schema != value.schema or not back.equals(value):
            raise InvalidInput(f"{name} does not come back from Arrow as it is; convert its types.")
        return table, {"shape": shape}
    if METADATA in (value.schema.metadata or {}):
        raise InvalidInput(
            f"{name} has the key {METADATA.decode()!r} in its schema's metadata, which is ours; "
            "rename it.",
            hint=AS_PICKLE,
        )
    return value, {"shape": shape}


def _value(table: Any, kind: str, extra: dict[str, Any]) -> Any:
    if kind == "numpy.ndarray":
        return _array(table.column("values"), extra)
    if kind == "polars.DataFrame":
        return importlib.import_module("polars").from_arrow(table)
    if kind == "pyarrow.Table":
        return table
    # A copy, since the buffers of an Arrow table are not to be written to.
    frame = frames.from_table(table, extra.get("objects", ())).copy()
    if kind == "pandas.DataFrame":
        return frame
    series = frame.iloc[:, 0]
    return series if extra["named"] else series.rename(None)


def _column(pa: Any, array: Any, name: str) -> tuple[Any, dict[str, Any]]:
    """Return an array's values in its own order, and how to make it of them again."""
    dtype = array.dtype
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    extra = {"dtype": "T" if dtype.kind == "T" else dtype.str, "order": order}
    plain = (dtype.kind in "biuf" and dtype.itemsize <= 8) or dtype.kind in "mMUS"
    pairs = dtype.kind == "c" and dtype.itemsize <= 16
    text = dtype.kind == "T" and not hasattr(dtype, "na_object")
    if not (plain or pairs or text) or dtype.metadata:
        raise InvalidInput(
            f"{name} is an array of {dtype}, which has no Arrow form; convert it with .astype(…).",
            hint=AS_PICKLE,
        )
    flat = array.ravel(order)
    if dtype.kind in "UT":
        return pa.array(flat.tolist(), pa.large_string()), extra
    if dtype.kind == "S":
        return pa.array(flat.tolist(), pa.large_binary()), extra
    flat = flat.astype(dtype.newbyteorder("="), copy=False)
    if pairs:
        flat = flat.view(f"f{dtype.itemsize // 2}")
    elif dtype.kind in "mM":
        flat = flat.view("i8")
    return pa.array(flat), extra


def _array(column: Any, extra: dict[str, Any]) -> Any:
    numpy = importlib.import_module("numpy")
    dtype = numpy.dtype(extra["dtype"])
    if dtype.kind in "UST":
        flat = numpy.empty(len(column), dtype)
        flat[:] = column.to_pylist()
    else:
        # A copy, since the buffers of an Arrow table are not to be written to.
        stored = numpy.array(column.to_numpy())
        native = dtype.newbyteorder("=")
        flat = stored.view(native) if dtype.kind in "cmM" else stored.astype(native, copy=False)
        flat = flat.astype(dtype, copy=False)
    if len(flat) != math.prod(extra["shape"]):
        raise ValueError("its shape and its length do not agree")
    return flat.reshape(extra["shape"], order=extra["order"])


def _too_large(size: int, name: str, kind: str, largest: int) -> TooLarge:
    return TooLarge(
        f"{name} has {size / 1e6:,.0f} MB, {largest // 1024**2} MiB as Arrow are the limit; write "
        f"it to the project repository: {HOW_TO_WRITE[kind].format(name=name)}."
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
