"""The state folder before the first `kd up`: looking changes nothing, what ships is laid out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kd_engines.local.home import Home
from kd_pipeline.model_config import ModelConfig

SHIPPED = 6


@pytest.mark.slow
def test_looking_before_the_first_kd_up_breaks_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("KD_", "KUBE"))}
    environment |= {"KD_HOME": str(home), "HOME": str(tmp_path)}
    for words in (["models"], ["doctor"], ["export"], ["status"], ["deployments"]):
        subprocess.run(
            [sys.executable, "-m", "kd_engines", *words],
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert not home.exists(), words
    assert len(list(Home.at(home).create().manifests.iterdir())) == SHIPPED


def test_what_ships_is_laid_out_beside_what_was_registered_before(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    home.registry().register(ModelConfig("taxi", "1", "models/taxi/1", "code/x.py"))
    registry = home.create().registry()
    assert len(registry.clusters()) == len(registry.apps()) == 3
    assert [model.key for model in registry.models()] == [("taxi", "1")]


def test_manifests_of_ones_own_stay_alone(tmp_path: Path) -> None:
    for name, text in {
        "app.yaml": "kind: KubeDirectorApp\nmetadata: {name: a}\n",
        "torn.yaml": "kind: [KubeDirectorCluster\n",
    }.items():
        manifests = tmp_path / name / "manifests"
        manifests.mkdir(parents=True)
        (manifests / name).write_text(text)
        Home.at(tmp_path / name).create()
        assert [path.name for path in manifests.iterdir()] == [name]
