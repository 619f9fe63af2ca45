"""Register a model version: it becomes a ConfigMap that can be deployed."""

from argparse import Namespace
from typing import Any

from kd_client.models import registration
from kd_client.models.registration import Registered
from kd_client.models.source import Source
from kd_magics.help import Help
from kd_magics.options import Options, json_option
from kd_magics.session import Session
from kd_magics.tables import number_words
from kd_pipeline.model_config import ModelConfig

HELP = Help(
    usage=(
        "NAME [--job [CLUSTER/]JOB] [--version V] [--path PATH] [--scoring SCRIPT]\n"
        "        [--description TEXT] [--metrics JSON] [--example JSON]",
    ),
    text="""
    --job        the job that wrote the model
    --version    without it the next free one
    --path       the model's file or folder in the project repository; without it what the job
                 wrote under models/
    --scoring    the Python script that scores with it; without it that of the newest version,
                 or one that the job wrote under code/
    --metrics    how good it is, as JSON; of a job, added to what it printed
    --example    arguments of a prediction, as JSON
    --description    a sentence for people, which {describe} can change

    Paths are written repo://project_repo/models/x, models/x or as the mount point shows them.
    Versions do not change: other content needs another version. The job's params, code, git
    commit and notebook are kept with it. A model of XGBoost, LightGBM, scikit-learn, skops or ONNX,
    or a folder of MLflow, needs no scoring script: --scoring '' registers it without one.
    """,
    notebook="""
    Without --job and --path it is what the last job of this notebook wrote. --metrics and
    --example may be names of variables.
    """,
    examples=(
        "taxi --job training-engine-instance/9",
        "taxi --version 1 --path models/taxi/1 --scoring code/score_taxi.py",
    ),
    notebook_examples=(
        "taxi",
        "taxi --version {v} --path models/taxi/{v} --scoring code/s.py --metrics scores",
    ),
    terminal_examples=("""taxi --job 9 --metrics '{"mae": 3.4}'""",),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("register")
    options.add_argument("model", metavar="NAME")
    options.add_argument("--version")
    options.add_argument("--path")
    options.add_argument("--scoring", metavar="SCRIPT")
    options.add_argument("--job", metavar="[CLUSTER/]JOB")
    options.add_argument("--description", default="")
    options.add_argument("--metrics", metavar="JSON")
    options.add_argument("--example", metavar="JSON")
    return options


def run(session: Session, options: Namespace) -> None:
    """Register the model version that the options describe; the same again changes nothing."""
    done = _registered(session, options)
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


def data(session: Session, options: Namespace) -> dict[str, Any]:
    """Return the version, its ConfigMap, and whether it is new."""
    done = _registered(session, options)
    name = {"name": done.model.name, "version": done.model.version}
    return {
        **name,
        "configmap": done.model.configmap_name,
        "is_new": done.is_new,
        "manifest": done.manifest,
    }


def _registered(session: Session, options: Namespace) -> Registered:
    values = {
        key: json_option(text, session.shell.user_ns, f"--{key}")
        for key in ("metrics", "example")
        if (text := getattr(options, key)) is not None
    }
    named = session.job(options.job) if options.job else None
    return registration.register(
        options.model,
        version=options.version,
        path=options.path,
        scoring_path=options.scoring,
        description=options.description,
        job=named or session.last,
        from_job=bool(named),
        **values,
    )


def _sentence(source: Source, model: ModelConfig) -> str:
    """Return what was taken from a job; "" where nothing was."""
    if source.job is None:
        return ""
    how = f"scored by {model.scoring_path}" if model.scoring_path else "served by its format"
    scored = f"{model.path}, {how}"
    numbers = f", {number_words(source.metrics)}" if source.metrics else ""
    return f"From job {source.job.cluster}/{source.job.id}: {scored}{numbers}."
