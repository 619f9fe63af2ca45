"""The sidebar's message types in TypeScript, written from the Python ones.

``python -m tests.typescript_messages`` writes them anew; a test fails where they differ.
"""

import types
import typing
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from kd_pipeline import messages
from kd_pipeline.messages import sidebar, sidebar_models

FILE = Path(__file__).parent.parent / "jupyter_extension/frontend/src/messages.ts"
HEAD = """/**
 * Every JSON body between the Jupyter server and the sidebar.
 *
 * Written by `python -m tests.typescript_messages` from kd_pipeline/messages; do not edit.
 */
"""
PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", bytes: "string"}
# What the browser gets that the engines' own messages define.
SHARED = (
    *(messages.ErrorBody, messages.Job, messages.JobOutputs, messages.Environment),
    *(messages.Failure, messages.Code, messages.Curves),
)


def typescript() -> str:
    """Return the whole file."""
    found: dict[str, type] = {}
    for kind in SHARED:
        _collect(kind, found)
    for module in (sidebar, sidebar_models):
        for kind in vars(module).values():
            is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
            if is_struct and kind.__module__ == module.__name__:
                _collect(kind, found)
    return HEAD + "".join(_interface(found[name]) for name in sorted(found))


def _collect(kind: Any, found: dict[str, type]) -> None:
    is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    if is_struct and kind.__name__ not in found:
        found[kind.__name__] = kind
        for field in msgspec.structs.fields(kind):
            _collect(field.type, found)
    for inner in get_args(kind):
        _collect(inner, found)


def _interface(kind: type) -> str:
    lines = (kind.__doc__ or "").strip().splitlines()
    told = "".join(f" * {line.strip()}".rstrip() + "\n" for line in lines)
    fields = ""
    for field in msgspec.structs.fields(kind):
        # A field that may be left out of JSON: of a body we send, or one that omits defaults.
        omits = kind.__struct_config__.omit_defaults or kind.__struct_config__.forbid_unknown_fields
        mark = "?" if omits and not field.required else ""
        fields += f"  {field.encode_name}{mark}: {_type(field.type)};\n"
    return f"\n/**\n{told} */\nexport interface I{kind.__name__} {{\n{fields}}}\n"


def _type(kind: Any) -> str:
    if kind is None or kind is types.NoneType:
        return "null"
    if kind in PLAIN:
        return PLAIN[kind]
    if kind is Any:
        return "any"
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " | ".join(f"'{word}'" for word in inner)
    if origin in (types.UnionType, typing.Union):
        return " | ".join(_type(one) for one in inner)
    if origin is list:
        text = _type(inner[0])
        return f"({text})[]" if "|" in text else f"{text}[]"
    if origin is dict:
        return f"{{ [name: string]: {_type(inner[1])} }}"
    return f"I{kind.__name__}"


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(typescript())
