"""The magics as commands of a terminal: ``kd jobs`` is ``%jobs``, ``kd train`` is ``%%<cluster>``.

The command `kd` finds them through the entry-point group ``kd.commands``. Each gets its words as
they were typed, so options, sentences and help are those of the magics.
"""

import contextlib
import io
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kd_pipeline.connections_file import kd_home
from kd_pipeline.errors import InvalidInput, KdError
from kd_pipeline.project_repository import MOUNT_POINTS

if TYPE_CHECKING:
    from IPython.core.magic import MagicsManager

    from kd_magics.cells.cluster_magics import ClusterMagics

PANEL = "Jobs and models, as the magics of a notebook"
TRAIN = "train"
# Listed here, as `kd --help` must not import IPython; a test compares them with the magics.
COMMANDS = {
    TRAIN: "Send a Python file to a training cluster, as a job; - is standard input.",
    "attachments": "Show the clusters that are attached, and how each is now.",
    "jobs": "Show the jobs of all training clusters.",
    "logs": "Show a job's status and log; -f follows it.",
    "why": "Tell why a job waits, or ended as it did.",
    "cancel": "End jobs, and tell what became of them.",
    "rerun": "Send a job's code, values and files once more.",
    "register": "Register a model version, also from a job.",
    "describe": "Change a registered version's description.",
    "unregister": "Delete a registered version; its files stay.",
    "models": "Show the registered models and where they are deployed.",
    "alias": "Give a model version a name that can move to another.",
    "deploy": "Deploy a registered model and wait until it is ready.",
    "undeploy": "Take a model off a deployment cluster.",
    "deployments": "Show every model version on every deployment cluster.",
    "predict": "Ask a deployed model, and print its answer.",
}
# Those whose data `--json` prints (kd_magics.json_lists).
LISTED = ("attachments", "jobs", "models", "deployments", "predict")
# They set the environment of a kernel, which a command does not have.
NOTEBOOK_ONLY = frozenset({"loadMlflow", "Setexp"})
# What these print is a job's or a model's, not ours.
PRINTED_AS_IT_IS = frozenset({TRAIN, "logs", "rerun", "predict"})
TRAIN_USAGE = "kd train FILE [--cluster CLUSTER] [the options of the cell magic]"
HELP, JSON = "--help", "--json"
INTERRUPTED = 130

Command = tuple[str, str, str, Callable[[Sequence[str]], int]]


class TerminalShell:
    """What a session needs of a shell: variables, and a place where magics are registered.

    ``origin`` is where the code of this command's job comes from, ``first_line`` the line of the
    file at which it begins: there is no magic above it, as there is in a cell.
    """

    first_line = 1

    def __init__(self) -> None:
        from IPython.core.magic import MagicsManager
        from IPython.core.magics import UserMagics

        self.user_ns: dict[str, Any] = {}
        self.magics_manager: MagicsManager = MagicsManager(user_magics=UserMagics())
        self.origin: dict[str, str] = {}


def commands() -> list[Command]:
    """Return each command's name, help, panel and function, which returns the exit status."""
    return [(name, told, PANEL, partial(run, name)) for name, told in COMMANDS.items()]


def run(name: str, words: Sequence[str]) -> int:
    """Run a command; an expected error is told on standard error, and the status is 1."""
    try:
        if JSON in words and HELP not in words:
            print(_listed(name, [word for word in words if word != JSON]))
            return 0
        with _in_terminal_words(name not in PRINTED_AS_IT_IS or HELP in words):
            value = _call(name, list(words))
            is_null = value is None and name == "predict" and not {HELP, "--curl"} & {*words}
            if isinstance(value, dict | list) or is_null:
                print(_json(value))
            elif value is not None:
                print(value)
    except KdError as error:
        told = in_terminal_words(str(error))
        print(told if told.startswith(f"kd {name}: ") else f"kd {name}: {told}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    if HELP in words and name in LISTED:
        print(f"\n{JSON} prints the same as data, one JSON document for programs.")
    return 0


def _listed(name: str, words: list[str]) -> str:
    """Return a command's data as JSON; raises InvalidInput for one that lists nothing."""
    if name not in LISTED:
        raise InvalidInput(f"{JSON} is for {', '.join(f'kd {one}' for one in LISTED)}.")
    from kd_magics.json_lists import as_json

    _name_repository()
    return as_json(name, shlex.join(words))


def in_terminal_words(text: str) -> str:
    """Return a sentence of the magics as a terminal's user reads it: ``%logs -f`` is `kd logs`."""
    names = "|".join(COMMANDS)
    text = re.sub(rf"(?<!%)%({names})\?", r"kd \1 --help", text)
    return re.sub(rf"(?<![%\w])%({names})\b", r"kd \1", text)


def _call(name: str, words: list[str]) -> Any:
    """Run a magic in a session of its own, and return its value."""
    from kd_magics.cells.cluster_magics import ClusterMagics
    from kd_magics.magics import line_magics
    from kd_magics.session import Session
    from kd_magics.settings import KdMagics

    _name_repository()
    shell = TerminalShell()
    session = Session(shell, KdMagics())
    session.settings.card = False  # a terminal cannot redraw it
    clusters = ClusterMagics(session)
    if name == TRAIN:
        clusters.update()
        return _train(shell, clusters, session, words)
    for magics in line_magics(shell, session, clusters):
        if name in magics.magics["line"]:
            return magics.magics["line"][name](shlex.join(words))
    raise InvalidInput(f"There is no command {name!r}; see kd --help.")


def _name_repository() -> None:
    """Name the project repository of `kd up`, where the surroundings name no other one."""
    folder = kd_home() / "project_repo"
    mounted = any(Path(place).is_dir() for place in MOUNT_POINTS)
    if not os.environ.get("KD_PROJECT_REPO") and not mounted and folder.is_dir():
        os.environ["KD_PROJECT_REPO"] = str(folder)


def _train(shell: TerminalShell, clusters: "ClusterMagics", session: Any, words: list[str]) -> Any:
    """Send a file as a cell is sent: the options but --cluster are those of the cell magic."""
    if HELP in words:
        print(f"{TRAIN_USAGE}\n\n{_cell_help(shell.magics_manager)}")
        return None
    file, words = _first(words), words[1:]
    cluster, words = _cluster(words)
    magic = cluster or session.only_training().name
    cells = shell.magics_manager.magics["cell"]
    if magic not in cells:
        clusters.refuse(magic)
    cell = _read(file)
    shell.origin = {} if file == "-" else {"file": str(Path(file).resolve())}
    return cells[magic](shlex.join(words), cell)


def _first(words: Sequence[str]) -> str:
    if not words or (words[0].startswith("-") and words[0] != "-"):
        raise InvalidInput(f"name the file first, or - for standard input: {TRAIN_USAGE}")
    return words[0]


def _cluster(words: Sequence[str]) -> tuple[str, list[str]]:
    """Take ``--cluster CLUSTER`` out of the words."""
    found, rest, remaining = "", [], iter(words)
    for word in remaining:
        if word == "--cluster":
            found = next(remaining, "")
            if not found:
                raise InvalidInput(f"--cluster names a training cluster: {TRAIN_USAGE}")
        elif word.startswith("--cluster="):
            found = word.partition("=")[2]
        else:
            rest.append(word)
    return found, rest


def _read(file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} is no UTF-8 text, so it is no Python file.") from None


def _cell_help(manager: "MagicsManager") -> str:
    cells = manager.magics["cell"]
    if not cells:
        return "No training cluster is attached here; kd attachments tells why."
    return "\n".join(str(next(iter(cells.values())).__doc__).splitlines())


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=str)


@contextlib.contextmanager
def _in_terminal_words(ours: bool) -> Iterator[None]:
    """Have what a magic prints speak of commands, where the words are ours."""
    if not ours:
        yield
        return
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            yield
    finally:
        print(in_terminal_words(printed.getvalue()), end="", flush=True)
