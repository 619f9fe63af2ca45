"""Before a cell is sent: what it would miss there, a line for each with what to do about it."""

import inspect
import platform
import types
from collections.abc import Mapping
from typing import Any

from kd_client.errors import UnknownRoute
from kd_client.http_client import READ_S
from kd_client.training_client import TrainingClient
from kd_magics import face
from kd_magics.cells.cell_names import undefined_names
from kd_magics.cells.cell_needs import imported_modules, parsed, read_files
from kd_magics.errors import PreflightFailed
from kd_pipeline.errors import KdError
from kd_pipeline.messages import Preflight, PreflightAnswer, SubmitJob

# An engine answers in a few milliseconds; one that is busier than this is sent the job unasked.
LONGEST_S = 1.0
MOST_SHOWN = 8
LONGEST_LOOKED_AT = 200_000  # characters; nobody writes so long a cell by hand


def check(
    client: TrainingClient,
    wanted: SubmitJob,
    variables: Mapping[str, Any],
    patient: bool = False,
) -> None:
    """Raise PreflightFailed where a job would surely fail; ``variables`` are the notebook's.

    ``patient`` waits for the engine as long as it takes, and raises what is the matter with it.
    """
    found = [
        *_tokens(client),
        *_names(wanted, variables),
        *_engine(client, wanted, patient),
    ]
    if found:
        more = len(found) - MOST_SHOWN
        lines = found[:MOST_SHOWN] + ([f"and {more} more"] if more > 0 else [])
        raise PreflightFailed(
            f"The {face.code()} was not sent, as it would fail there:\n"
            + "\n".join(f"  - {line}" for line in lines)
            + "\n--no-preflight sends it all the same."
        )


def _tokens(client: TrainingClient) -> list[str]:
    if any(endpoint.token for endpoint in client.cluster.api_endpoints()):
        return []
    if not client.cluster.api_endpoints():
        return []  # the call itself says so
    return [
        f"configmeta.json has no token for cluster {client.name}: give its service hasAuthToken in "
        "the kdapp, or see `kd doctor`"
    ]


def _names(wanted: SubmitJob, variables: Mapping[str, Any]) -> list[str]:
    if len(wanted.code) > LONGEST_LOOKED_AT:
        return []
    missing = undefined_names(wanted.code, {*wanted.inputs, *wanted.params})
    return [
        _name_line(name, line + wanted.first_line - 1, wanted, variables)
        for name, line in missing.items()
    ]


def _name_line(name: str, line: int, wanted: SubmitJob, variables: Mapping[str, Any]) -> str:
    if name == "get_ipython":
        return f"get_ipython (line {line}) is there in notebooks only, not in a job"
    if name not in variables:
        where = "" if face.in_terminal() else ", neither in the cell nor in the notebook"
        return f"{name} (line {line}) is not defined{where}"
    value = variables[name]
    if isinstance(value, types.ModuleType):
        alias = "" if value.__name__ == name else f" as {name}"
        return (
            f"{name} (line {line}) is a module: write `import {value.__name__}{alias}` in the cell"
        )
    if inspect.isclass(value) or inspect.isroutine(value):
        module = getattr(value, "__module__", "__main__") or "__main__"
        if module not in ("__main__", "builtins"):
            return f"{name} (line {line}): write `from {module} import {name}` in the cell"
        what = "class" if inspect.isclass(value) else "function"
        return (
            f"{name} (line {line}) is a {what} of the notebook: define it in the cell, or send a "
            "module that has it with --files"
        )
    sent = ",".join([*wanted.inputs, name])
    return f"{name} (line {line}) is a variable of the notebook: send it with --in {sent}"


def _engine(client: TrainingClient, wanted: SubmitJob, patient: bool) -> list[str]:
    """Return what the engine says that the job would miss; nothing where it cannot say."""
    tree = parsed(wanted.code)
    folder = wanted.script.rpartition("/")[0]
    below = [path.removeprefix(f"{folder}/") for path in wanted.files] if folder else []
    sent = {path.partition("/")[0].removesuffix(".py") for path in [*wanted.files, *below]}
    modules = {n: line for n, line in imported_modules(tree).items() if n not in sent}
    paths = {p: n for p, n in read_files(tree, wanted.code).items() if p not in wanted.files}
    pickles = [name for name, value in wanted.inputs.items() if value.format == "pickle"]
    question = Preflight(list(modules), list(paths), wanted.requirements, wanted.resources)
    if question == Preflight() and not pickles:
        return []
    try:
        answer = client.preflight(question, READ_S if patient else LONGEST_S)
    except UnknownRoute:
        return []  # an engine of 2020
    except KdError:
        if patient:
            raise
        return []  # sending the cell tells what is the matter with the engine
    offset = wanted.first_line - 1
    return [
        *_pickle_lines(answer, pickles),
        *_module_lines(answer, {n: line + offset for n, line in modules.items()}, client.name),
        *(
            f"{path} (line {paths[path] + offset}) is not there in {client.name}'s project "
            f"repository: {_put(path)} puts it there, or check the spelling"
            for path in answer.missing_paths
        ),
        *(problem.rstrip(".") for problem in answer.problems),
    ]


def _put(path: str) -> str:
    """Return what puts a file, or a folder, to where a cell looks for it."""
    folder, _, name = path.rstrip("/").rpartition("/")
    words = (name, "--to", f"{folder or '.'}/")
    return face.typed("put", *(f'"{word}"' if " " in word else word for word in words))


def _module_lines(answer: PreflightAnswer, lines: dict[str, int], cluster: str) -> list[str]:
    return [
        f"module {module.name} (line {lines[module.name]}) is not installed on {cluster} (Python "
        f"{answer.python}): add --requirements {module.package or module.name}, or, where it is "
        f"yours, --files {module.name}.py"
        for module in answer.missing_modules
    ]


def _pickle_lines(answer: PreflightAnswer, names: list[str]) -> list[str]:
    here = platform.python_version_tuple()[:2]
    if not names or tuple(answer.python.split(".")[:2]) == here:
        return []
    return [
        f"{', '.join(names)} would be a pickle of Python {'.'.join(here)}, and the engine has "
        f"{answer.python}: send a table, an array or what JSON has, or write a file"
    ]
