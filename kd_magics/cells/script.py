"""A file that is sent as a script, with the modules beside it, or as a notebook's cells."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import decode_source
from pathlib import Path

from kd_magics.cells.notebook_code import notebook_code
from kd_magics.cells.provenance import notebook_folder
from kd_magics.cells.transfer import collect_files
from kd_pipeline.errors import InvalidInput
from kd_pipeline.plain_text import one_line

STDIN = "-"
NOTEBOOK = ".ipynb"


@dataclass(frozen=True)
class Source:
    """Code and how it runs, as in `SubmitJob`."""

    code: str
    script: str = ""
    cells: list[int] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)


NO_FILE = Source("")


def read(file: str) -> Source:
    """Return the code of a Python file or a notebook; ``-`` is standard input.

    A file in or below this folder keeps its path, so that what it finds beside itself here it also
    finds there, where that is sent. Raises InvalidInput.
    """
    if file == STDIN:
        return Source(_decoded(sys.stdin.buffer.read(), "Standard input"))
    path = Path(file)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from None
    if path.suffix == NOTEBOOK:
        return Source(*notebook_code(content, file))
    code = _decoded(content, file)
    here, whole = notebook_folder().resolve(), path.resolve()
    base = here if whole.is_relative_to(here) else whole.parent
    modules = [
        str(file.relative_to(base))
        for beside in _modules_beside(whole, code)
        for file in ([beside] if beside.is_file() else sorted(beside.rglob("*.py")))
    ]
    files = {whole.relative_to(base).as_posix(): code.encode(), **collect_files(modules, base)}
    return Source(code, script=next(iter(files)), files=files)


def _decoded(content: bytes, named: str) -> str:
    """Decode as Python does: byte order mark, coding line."""
    try:
        return decode_source(content)
    except (UnicodeDecodeError, SyntaxError) as error:
        raise InvalidInput(
            f"{named} is not a Python file: it is neither UTF-8 text nor what its coding line says "
            f"({one_line(error, 200)})."
        ) from None


def _modules_beside(script: Path, code: str) -> list[Path]:
    """Return the modules and packages in a script's folder that it imports, or that these do."""
    found: dict[str, Path] = {}
    waiting = [code]
    while waiting:
        for name in _imported(waiting.pop()):
            if name in found or (beside := _module(script.parent, name)) is None:
                continue
            if beside != script:
                found[name] = beside
                waiting += map(
                    _text, [beside] if beside.is_file() else sorted(beside.rglob("*.py"))
                )
    return list(found.values())


def _module(folder: Path, name: str) -> Path | None:
    """Return the module or package of a name, as Python would find it in a folder."""
    package, module = folder / name, folder / f"{name}.py"
    if (package / "__init__.py").is_file():
        return package
    if module.is_file():
        return module
    return package if package.is_dir() and any(package.glob("*.py")) else None


def _imported(code: str) -> Iterator[str]:
    """Yield the top-level names that code imports, wherever it does so."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def _text(path: Path) -> str:
    try:
        return decode_source(path.read_bytes())
    except (OSError, UnicodeDecodeError, SyntaxError):
        return ""
