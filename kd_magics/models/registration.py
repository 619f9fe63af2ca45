"""%register, %describe and %unregister: a model version as a ConfigMap, with its lineage."""

from kd_client.models import registration
from kd_client.models.source import Source
from kd_magics.jobs import job_reference
from kd_magics.options import Options, json_option, model_version
from kd_magics.session import Session
from kd_magics.tables import number_words
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import open_registry


def parser() -> Options:
    """Return the parser of %register."""
    options = Options("%register")
    options.add_argument("model", metavar="NAME")
    options.add_argument("--version")
    options.add_argument("--path")
    options.add_argument("--scoring", metavar="SCRIPT")
    options.add_argument("--job", metavar="[CLUSTER/]JOB")
    options.add_argument("--description", default="")
    options.add_argument("--metrics", metavar="JSON")
    options.add_argument("--example", metavar="JSON")
    return options


def register(session: Session, line: str) -> None:
    """Register the model version that a line describes; the same again changes nothing."""
    options = parser().read(line, session.shell.user_ns)
    values = {
        key: json_option(text, session.shell.user_ns, f"%register: --{key}")
        for key in ("metrics", "example")
        if (text := getattr(options, key)) is not None
    }
    named = options.job and job_reference.named(session, options.job, "%register")
    done = registration.register(
        options.model,
        version=options.version,
        path=options.path,
        scoring_path=options.scoring,
        description=options.description,
        job=named or session.last,
        from_job=bool(named),
        **values,
    )
    model = done.model
    if done.is_new:
        print(f"Registered {model.name}/{model.version} as ConfigMap {model.configmap_name}.")
        if done.source.wanted:
            print(_sentence(done.source, model))
        return
    print(
        f"{model.name}/{model.version} is registered already as ConfigMap "
        f"{model.configmap_name}, with the same content: nothing to do."
    )


def _sentence(source: Source, model: ModelConfig) -> str:
    """Return what was taken from a job; "" where nothing was."""
    if source.job is None:
        return ""
    scored = f"{model.path}, scored by {model.scoring_path}"
    numbers = f", {number_words(source.metrics)}" if source.metrics else ""
    return f"From job {source.job.cluster}/{source.job.id}: {scored}{numbers}."


def describe_parser() -> Options:
    """Return the parser of %describe."""
    options = Options("%describe")
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    options.add_argument("text", metavar="TEXT")
    return options


def unregister_parser() -> Options:
    """Return the parser of %unregister."""
    options = Options("%unregister")
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    return options


def describe(session: Session, line: str) -> None:
    """Change the description of a registered version."""
    given = describe_parser().read(line, session.shell.user_ns)
    name, version = given.model
    open_registry().describe(name, version, given.text)
    print(f"{name}/{version}: {given.text}")


def unregister(session: Session, line: str) -> None:
    """Delete a version's ConfigMap; raises Conflict where it is deployed or has an alias."""
    name, version = unregister_parser().read(line, session.shell.user_ns).model
    model = registration.delete_version(open_registry(), name, version)
    print(f"{name}/{version} is not registered any more; its files are still at {model.path}.")
