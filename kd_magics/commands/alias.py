"""Give a model version a name that can move to another, such as champion."""

from argparse import Namespace
from typing import Any

from kd_client.errors import BadOptions
from kd_client.models.aliases import (
    delete_alias,
    deployed_clusters,
    move_alias,
    wait_until_moved,
)
from kd_magics import face
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session
from kd_magics.tables import Table, show
from kd_pipeline.registry import Registry, open_registry

HELP = Help(
    usage=("NAME/VERSION ALIAS", "NAME ALIAS --delete", "NAME"),
    text="""
    The last lists a model's aliases. Clients that ask NAME/ALIAS get the version's answers; the
    alias moves on an engine as soon as the new version is ready there.
    """,
    examples=("taxi/2 champion",),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("alias")
    options.add_argument("model", metavar="NAME[/VERSION]")
    options.add_argument("alias", nargs="?")
    options.add_argument("--delete", action="store_true")
    return options


def run(session: Session, options: Namespace) -> None:
    """Set, delete or list the aliases of a model."""
    done = data(session, options)
    name, alias = done["name"], options.alias
    if not alias:
        _list(name, done["aliases"])
    elif options.delete:
        print(f"{name}/{alias} is deleted.")
    else:
        version, was = done["version"], done["was"]
        before = f", was {was}" if was not in (None, version) else ""
        print(f"{name}/{alias} is {name}/{version}{before}.")
        for cluster in done["waiting"]:
            deploy = face.typed("deploy", f"{name}/{version}", "--to", cluster)
            print(f"On {cluster} it moves when that version is there: {deploy}")
        for cluster in done["late"]:
            print(f"On {cluster} it has not moved yet; {face.typed('deployments')} tells when.")


def data(session: Session, options: Namespace) -> dict[str, Any]:
    """Set, delete or list; return the aliases by their versions, or what was changed.

    ``waiting`` are the clusters that do not have the new version yet, ``late`` those that have it
    and have not moved the alias within some seconds.
    """
    name, _, version = options.model.partition("/")
    registry = open_registry()
    if not options.alias and not version and not options.delete:
        return {"name": name, "aliases": dict(sorted(registry.aliases_of(name).versions.items()))}
    if options.alias and options.delete and not version:
        delete_alias(registry, name, options.alias)
        return {"name": name, "alias": options.alias, "version": None}
    if options.alias and version and not options.delete:
        return _set(session, registry, name, version, options.alias)
    raise BadOptions(
        "Give NAME/VERSION and ALIAS to set one, NAME ALIAS --delete to delete it, or NAME to list "
        "them."
    )


def _set(
    session: Session, registry: Registry, name: str, version: str, alias: str
) -> dict[str, Any]:
    was, waiting = move_alias(registry, name, version, alias)
    there = [one for one in deployed_clusters(registry, name) if one not in waiting]
    late = wait_until_moved(session, there, name, version, alias)
    moved = {"name": name, "alias": alias, "version": version}
    return {**moved, "was": was, "waiting": waiting, "late": late}


def _list(name: str, versions: dict[str, str]) -> None:
    if not versions:
        print(
            f"{name} has no alias. {face.typed('alias', f'{name}/VERSION', 'champion')} sets one."
        )
        return
    show(Table(["Alias", "Version"], [list(pair) for pair in versions.items()], []))
