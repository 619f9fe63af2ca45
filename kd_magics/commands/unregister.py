"""Delete a model version's ConfigMap; the model's files stay."""

from argparse import Namespace

from kd_client.models.registration import delete_version
from kd_magics.help import Help
from kd_magics.options import Options, model_version
from kd_magics.session import Session
from kd_pipeline.registry import open_registry

HELP = Help(
    usage=("NAME/VERSION",),
    text="A version that is deployed, or has an alias, is not deleted.",
    examples=("taxi/1",),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("unregister")
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    return options


def run(session: Session, options: Namespace) -> None:
    """Delete a version's ConfigMap; raises Conflict where it is deployed or has an alias."""
    gone = data(session, options)
    print(
        f"{gone['name']}/{gone['version']} is not registered any more; its files are still at "
        f"{gone['path']}."
    )


def data(_session: Session, options: Namespace) -> dict[str, str]:
    """Delete it, and return what it was."""
    name, version = options.model
    model = delete_version(open_registry(), name, version)
    return {"name": name, "version": version, "path": model.path}
