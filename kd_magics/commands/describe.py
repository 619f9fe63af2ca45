"""Change a registered model version's description."""

from argparse import Namespace

from kd_magics.help import Help
from kd_magics.options import Options, model_version
from kd_magics.session import Session
from kd_pipeline.registry import open_registry

HELP = Help(
    usage=("NAME/VERSION TEXT",),
    text="Of a registered version nothing else may change.",
    examples=('taxi/1 "trained on January, without airports"',),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("describe")
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    options.add_argument("text", metavar="TEXT")
    return options


def run(session: Session, options: Namespace) -> None:
    """Change the description of a registered version."""
    done = data(session, options)
    print(f"{done['name']}/{done['version']}: {done['description']}")


def data(_session: Session, options: Namespace) -> dict[str, str]:
    """Change it, and return the version with its description."""
    name, version = options.model
    open_registry().describe(name, version, options.text)
    return {"name": name, "version": version, "description": options.text}
