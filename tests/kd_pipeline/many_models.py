"""Thousands of model versions in a folder registry, with files in the project repository."""

import json
from pathlib import Path

from kd_pipeline import manifest_text
from kd_pipeline.model_config import ModelConfig

VERSIONS = 5  # of each model


def write_models(manifests: Path, repository: Path, count: int) -> None:
    """Write ``count`` versions, five of each model ``ride-<n>``, a ConfigMap a file."""
    script = repository / "code" / "halves.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("def predict(model, args):\n    return args['miles'] / 2\n")
    for number in range(count):
        name, version = f"ride-{number // VERSIONS}", str(number % VERSIONS + 1)
        model = repository / "models" / name / version
        model.parent.mkdir(parents=True, exist_ok=True)
        model.write_text(f"{number}\n")
        config = ModelConfig(
            name,
            version,
            path=f"repo://project_repo/models/{name}/{version}",
            scoring_path="repo://project_repo/code/halves.py",
            description=f"Made as number {number}",
            extra={
                "metrics": json.dumps({"rmse": 5 + number % 97 / 100}),
                "job": f"training-engine-instance/{number + 1}",
                "registered": f"2026-01-{number % 28 + 1:02}T08:00:00Z",
            },
        )
        (manifests / f"configmap-{config.configmap_name}.yaml").write_text(
            manifest_text.write_all([config.to_manifest()])
        )
