"""docs/reference.md: every magic, command, setting, route and error, written from the code.

``python -m tests.reference`` writes it anew; a test fails where it differs.
"""

import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click
import typer.main

from kd_client import errors as client_errors
from kd_engines import cli, mounted
from kd_engines.deployment import __main__ as deployment
from kd_engines.deployment import app as deployment_app
from kd_engines.deployment.openapi import API as DEPLOYMENT
from kd_engines.training import __main__ as training
from kd_engines.training.api import app as training_app
from kd_engines.training.api.openapi import API as TRAINING
from kd_engines.web import guard
from kd_engines.web.openapi import Api
from kd_magics import errors as magics_errors
from kd_magics import face
from kd_magics.catalogue import COMMANDS, MAGICS
from kd_magics.settings import KdMagics, variable
from kd_pipeline.errors import KdError

FILE = Path(__file__).parent.parent / "docs" / "reference.md"
HEAD = """# Reference

Written from the code by `python -m tests.reference`.
"""
ENGINES = (
    ("Training engine", training, TRAINING, training_app.ROUTES),
    (
        *("Deployment engine", deployment, DEPLOYMENT),
        [*deployment_app.ROUTES, *deployment_app.PREDICTIONS],
    ),
)


def text() -> str:
    """Return the whole page."""
    parts = [HEAD, *_magics(), *_commands(), *_settings(), *_engines(), *_errors()]
    return "\n".join(parts)


def _magics() -> Iterator[str]:
    yield "## Magics\n"
    yield "`%%<cluster>`, of each connected training cluster, sends the cell there as a job:\n"
    yield _block(COMMANDS["train"].help("%%<cluster>"))
    for name in sorted(MAGICS, key=str.lower):
        yield f"### `%{name}`\n"
        yield _block(MAGICS[name].help())


def _commands() -> Iterator[str]:
    yield "## Commands\n"
    app = typer.Typer()
    app.registered_commands = list(cli.app.registered_commands)
    mounted.mount(app)
    group = typer.main.get_group(app)
    with face.terminal():
        for name, command in sorted(group.commands.items()):
            yield f"### `kd {name}`\n"
            yield _block(COMMANDS[name].help() if name in COMMANDS else _help(name, command))


def _help(name: str, command: click.Command) -> str:
    words = ["kd", name]
    lines = []
    for one in command.params:
        if isinstance(one, click.Argument):
            words.append(one.human_readable_name.upper())
        elif isinstance(one, click.Option):
            lines.append((", ".join(reversed(one.opts)), one.help or ""))
    width = max((len(names) for names, _ in lines), default=0)
    told = [inspect.cleandoc(command.help or ""), "", "    " + " ".join(words)]
    return "\n".join([*told, "", *(f"{names:<{width}}   {what}" for names, what in lines)])


def _settings() -> Iterator[str]:
    yield "## Settings\n"
    yield inspect.cleandoc(inspect.getmodule(KdMagics).__doc__ or "") + "\n"  # type: ignore[union-attr]
    yield "| setting | environment | default | |"
    yield "|---|---|---|---|"
    for name, trait in sorted(KdMagics.class_traits(config=True).items()):
        yield f"| `{name}` | `{variable(name)}` | `{trait.default()!r}` | {trait.help} |"
    yield ""


def _engines() -> Iterator[str]:
    yield "## Both engines\n"
    yield inspect.cleandoc(guard.__doc__ or "") + "\n"
    for title, module, api, routes in ENGINES:
        yield f"## {title}\n"
        yield inspect.cleandoc(module.__doc__ or "") + "\n"
        yield from _routes(api, routes)


def _routes(api: Api, routes: list) -> Iterator[str]:  # type: ignore[type-arg]
    yield "| route | |"
    yield "|---|---|"
    for path, methods in api.document(routes)["paths"].items():
        for method, operation in methods.items():
            asked = [p["name"] for p in operation["parameters"] if p["in"] == "query"]
            query = f"?{'&'.join(asked)}" if asked else ""
            token = "" if operation.get("security") else " No token."
            told = " ".join(operation["summary"].split())
            yield f"| `{method.upper()} {path}{query}` | {told}{token} |"
    yield ""


def _errors() -> Iterator[str]:
    yield "## Errors\n"
    yield "| error | HTTP status | what it means |"
    yield "|---|---|---|"
    for kind in _below(KdError):
        told = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        yield f"| `{kind.__name__}` | {kind.http_status} | {told} |"


def _below(kind: type[KdError]) -> list[type[KdError]]:
    modules = (client_errors, magics_errors, inspect.getmodule(KdError))
    known = {one for module in modules for one in vars(module).values() if inspect.isclass(one)}
    return sorted((one for one in known if issubclass(one, kind)), key=lambda one: one.__name__)


def _block(content: str) -> str:
    return f"```\n{textwrap.dedent(content).rstrip()}\n```\n"


if __name__ == "__main__":
    FILE.write_text(text())
