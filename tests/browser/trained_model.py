"""Models that a job has written, for what is done with them in a browser."""

import json

from tests.browser.running_lab import Lab

SCRIPT = "def predict(model, args): return 1"
TRAIN = """
import pathlib
model = pathlib.Path("models/{name}/{version}")
model.parent.mkdir(parents=True, exist_ok=True)
model.write_text("{version}")
pathlib.Path("code/{name}.py").write_text({script!r})
print("rmse=5.25, written:", model)
"""


def trained(lab: Lab, name: str, version: str = "1", script: str = SCRIPT) -> int:
    """Have a job write a model and its scoring script; return its number."""
    file = lab.folder / f"{name}.py"
    file.write_text(TRAIN.format(name=name, version=version, script=script))
    done = lab.home.kd("train", str(file), "--wait", "--name", f"train-{name}", "--json")
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout)["jobs"][0]["id"])


def register(lab: Lab, name: str, version: str = "1", script: str = SCRIPT, **options: str) -> None:
    """Have a job write a model, and register it as the next version."""
    number = trained(lab, name, version, script)
    given = [word for key, value in options.items() for word in (f"--{key}", value)]
    kd(lab, "register", name, "--job", str(number), *given)


def serve(lab: Lab, *models: str) -> None:
    """Deploy versions of models, and wait until they are ready."""
    for model in models:
        kd(lab, "deploy", model)


def kd(lab: Lab, *words: str) -> None:
    """Run a command that must succeed."""
    done = lab.home.kd(*words)
    assert done.returncode == 0, done.stderr
