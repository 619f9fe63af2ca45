"""From a scoring script's bytes to one that is loaded; the script itself runs only in the end."""

import ast
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import decode_source
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from kd_engines.deployment.results import reason_of
from kd_engines.deployment.wire import Spec, one
from kd_engines.deployment.worker.imports_ahead import called_by, import_ahead
from kd_engines.deployment.worker.script_kind import (
    COMPILER,
    FUNCTION,
    FUNCTIONS,
    MODEL,
    PREPARE,
    SCRIPT,
    NoScoringScript,
    kind_of,
    without_guards,
)
from kd_pipeline.mount_points import localize

if TYPE_CHECKING:
    from kd_pipeline.model_formats import Known

# What says in words what is wrong with a model of a known format (see formats/).
IN_WORDS = ("UnknownFormat", "CannotServe")
NOT_FOUND_IN_MAIN = "Can't get attribute"  # as pickle says it


class Script(Protocol):
    """A loaded scoring script, ready to serve."""

    kind: str

    def serve(self, connection: socket.socket, replicate: Callable[[], None]) -> None:
        """Answer requests until the engine closes the connection; ``replicate`` when asked to."""


@dataclass(frozen=True)
class Parsed:
    """A script that was read and not run yet; without one, the format of the model."""

    kind: str
    tree: ast.Module
    code: CodeType | None = None
    known: "Known | None" = None


def parse(spec: Spec) -> Parsed:
    """Compile a script; raises SyntaxError, ValueError, NoScoringScript, UnknownFormat.

    It is decoded as Python does it: by its byte order mark or coding line.
    """
    if not spec.path:
        return Parsed(COMPILER, ast.Module([], []))
    if not spec.script:
        return Parsed(MODEL, ast.Module([], []), known=_known(spec))
    script = Path(spec.script)
    text = decode_source(spec.source)
    tree = ast.parse(text, spec.script)
    kind = kind_of(tree, script.parent)
    runnable = localize(tree, text, Path(spec.root))
    if kind != SCRIPT:
        runnable = without_guards(runnable)
    code = compile(runnable, spec.script, "exec", dont_inherit=True)
    return Parsed(kind, tree, code, _known(spec) if kind == MODEL else None)


def _known(spec: Spec) -> "Known":
    from kd_pipeline.model_formats import known

    return known(Path(spec.path), spec.format)


def load(parsed: Parsed, spec: Spec) -> Script:
    """Load a parsed script, or a model of a known format; whatever it raises comes out."""
    if parsed.kind == COMPILER:
        from kd_engines.deployment.worker.compiler import Compiler

        return Compiler(spec.format)
    script, root = Path(spec.script), Path(spec.root)
    # What is ours, and what it needs, comes before what the user's folders may have of these names.
    if parsed.known:
        from kd_engines.deployment.worker.model_format import ModelFormat, prepared_by

        _enter(script if parsed.code else Path(spec.path), root)
        prepare = prepared_by(run_main(parsed.code, script), script) if parsed.code else None
        if parsed.code:
            import_ahead(called_by(parsed.tree, [PREPARE]), script, root, Path(spec.path))
        return ModelFormat(parsed.known, spec.example, spec.timeout_s, prepare)
    assert parsed.code  # noqa: S101 - for the type checker
    if parsed.kind == FUNCTION:
        from kd_engines.deployment.worker.function_script import FunctionScript

        _enter(script, root)
        loaded = FunctionScript(parsed.code, script, Path(spec.path), spec.timeout_s)
        import_ahead(called_by(parsed.tree, FUNCTIONS), script, root, Path(spec.path))
        return loaded
    from kd_engines.deployment.worker.script_2020 import Script2020

    _enter(script, root)
    model = Path(spec.path)
    return Script2020(parsed.code, parsed.tree, script, model, root, spec.timeout_s)


def run_main(code: CodeType, script: Path) -> dict[str, Any]:
    """Run a script as ``__main__``, as the cell was that trained the model; return its names.

    So the model's pickle finds the classes that both define, and the processes of a pool find the
    script's functions.
    """
    module = ModuleType("__main__")
    module.__file__ = str(script)
    sys.modules[module.__name__] = module
    sys.argv[:] = [str(script)]
    exec(code, module.__dict__)  # noqa: S102 - running the user's script is the purpose
    return module.__dict__


def _enter(script: Path, root: Path) -> None:
    """Go to where the script is to find its modules and files."""
    os.chdir(root)
    sys.path.insert(0, str(script.parent))


def failure_of(error: BaseException, script: str) -> str:
    """Say why a script cannot be loaded in one line, with its line where that came up."""
    if isinstance(error, NoScoringScript) or type(error).__name__ in IN_WORDS:
        return str(error)
    place, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == script:
            place = f" (line {trace.tb_lineno} of {Path(script).name})"
        trace = trace.tb_next
    return reason_of(error) + place + advice_for(error)


def advice_for(error: BaseException | str) -> str:
    """Say what to do where a pickle asks for what was defined in the cell that trained it."""
    text = error if isinstance(error, str) else one(reason_of(error))
    if NOT_FOUND_IN_MAIN not in text or "__main__" not in text:
        return ""
    return (
        ". It was defined in the cell that trained the model: define it in the scoring script too, "
        "or move it to a module in code/, import it from there and train again"
    )
