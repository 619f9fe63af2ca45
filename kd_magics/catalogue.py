"""Every command there is: its name, what it does in a line, and the module that does it.

`%load_ext` and `kd --help` read this and import none of the modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from kd_pipeline.hints import TRAIN

if TYPE_CHECKING:
    from argparse import Namespace

    from kd_magics.help import Help
    from kd_magics.options import Options
    from kd_magics.session import Session


AS_JSON = "--json prints the result as data, one JSON document for programs."


@dataclass(frozen=True)
class Command:
    """A command; ``module`` is its module below kd_magics.commands."""

    name: str
    summary: str
    module: str = ""
    in_notebook: bool = True
    in_terminal: bool = True

    def parser(self) -> Options:
        """Return the parser of what stands after the name."""
        return cast("Options", self._load().parser())

    def help(self, cell: str = "") -> str:
        """Return the help for who reads; ``cell`` is how it is typed where it is no line magic."""
        from kd_magics import face

        found: Help = self._load().HELP
        text = found.render(self.name, self.summary, list(COMMANDS), cell)
        return f"{text}\n\n{AS_JSON}" if self.has_data and face.in_terminal() else text

    def run(self, session: Session, options: Namespace) -> Any:
        """Do what is asked for, and show it; return the value that a notebook's cell gets."""
        return self._load().run(session, options)

    def data(self, session: Session, options: Namespace) -> Any:
        """Do what is asked for, and return what came of it as data."""
        return self._load().data(session, options)

    @property
    def has_data(self) -> bool:
        """Tell whether there is :meth:`data`: not of a log, which is text."""
        return hasattr(self._load(), "data")

    def _load(self) -> Any:
        return import_module(f"kd_magics.commands.{self.module or self.name}")


def asks_for_help(line: str) -> bool:
    """Tell whether ``--help`` is one of a line's words."""
    return "--help" in line.split()


_ALL = (
    Command(TRAIN, "Send code to a training cluster, as a job.", in_notebook=False),
    Command("attachments", "Show the clusters that are connected, and how each is now."),
    Command("jobs", "Show the jobs of all training clusters: yours first, the newest first."),
    Command("logs", "Show a job's status, log and figures; -f follows it."),
    Command("why", "Say in a sentence why a job waits, or ended as it did."),
    Command("cancel", "End jobs, and say what the engine reports of them."),
    Command("rerun", "Send a job's code, values and files once more."),
    Command("register", "Register a model version: it becomes a ConfigMap that can be deployed."),
    Command("describe", "Change a registered model version's description."),
    Command("unregister", "Delete a model version's ConfigMap; the model's files stay."),
    Command(
        "models", "Show the registered models, their metrics, where they are deployed, and how."
    ),
    Command("alias", "Give a model version a name that can move to another, such as champion."),
    Command("deploy", "Deploy a registered model and wait until it is ready."),
    Command("undeploy", "Take a model off a deployment cluster and wait until it is gone."),
    Command("deployments", "Show every model version on every deployment cluster."),
    Command("predict", "Ask a deployed model, and return its answer."),
    Command("put", "Copy files into the project repository."),
    Command("get", "Copy files out of the project repository."),
    Command("cp", "Copy files into the project repository, or out of it.", in_notebook=False),
    # These set the environment of a kernel, which a command does not have.
    Command(
        "loadMlflow",
        "Point MLflow in this notebook at the connected MLflow cluster.",
        "load_mlflow",
        in_terminal=False,
    ),
    Command(
        "Setexp",
        "Choose the MLflow experiment of this notebook and of its jobs; created where it is new.",
        "set_experiment",
        in_terminal=False,
    ),
)
COMMANDS = {command.name: command for command in _ALL}
MAGICS = {name: command for name, command in COMMANDS.items() if command.in_notebook}
