"""%alias: names that move from version to version, and where they are connected."""

from kd_client.errors import BadOptions
from kd_client.models.aliases import delete_alias, move_alias
from kd_magics.options import Options
from kd_magics.session import Session
from kd_magics.tables import Table, show
from kd_pipeline.registry import Registry, open_registry


def parser() -> Options:
    """Return the parser of %alias."""
    options = Options("%alias")
    options.add_argument("model", metavar="NAME[/VERSION]")
    options.add_argument("alias", nargs="?")
    options.add_argument("--delete", action="store_true")
    return options


def alias(session: Session, line: str) -> None:
    """Set, delete or list the aliases of a model."""
    options = parser().read(line, session.shell.user_ns)
    name, _, version = options.model.partition("/")
    registry = open_registry()
    if not options.alias and not version and not options.delete:
        _list(registry, name)
    elif options.alias and options.delete and not version:
        delete_alias(registry, name, options.alias)
        print(f"{name}/{options.alias} is deleted.")
    elif options.alias and version and not options.delete:
        _set(registry, name, version, options.alias)
    else:
        raise BadOptions(
            "%alias: give NAME/VERSION and ALIAS to set one, NAME ALIAS --delete to delete it, or "
            "NAME to list them."
        )


def _list(registry: Registry, name: str) -> None:
    versions = registry.aliases_of(name).versions
    if not versions:
        print(f"{name} has no alias. `%alias {name}/VERSION champion` sets one.")
        return
    show(Table(["Alias", "Version"], [list(pair) for pair in sorted(versions.items())], []))


def _set(registry: Registry, name: str, version: str, alias: str) -> None:
    before, waiting = move_alias(registry, name, version, alias)
    was = f", was {before}" if before and before != version else ""
    print(f"{name}/{alias} is {name}/{version}{was}.")
    for cluster in waiting:
        print(
            f"On {cluster} it moves when that version is there: "
            f"%deploy {name}/{version} --to {cluster}"
        )
