"""%config KdMagics: every setting, its value and where it comes from."""

import re
from pathlib import Path

import pytest
from traitlets.config import Config

from kd_magics.errors import BadOptions
from kd_magics.settings import KdMagics, variable
from kd_pipeline.errors import InvalidInput
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.running_notebook import Notebook

NAMES = sorted(KdMagics.class_trait_names(config=True))
SOURCE = Path(__file__).parent.parent.parent / "kd_magics"


def shown(notebook: Notebook) -> dict[str, str]:
    """Return what %config shows of each setting, the lines below it in one."""
    text = notebook.good("%config KdMagics").text
    parts = re.split(r"^KdMagics\.", text, flags=re.MULTILINE)[1:]
    return {part.split(" = ")[0]: " ".join(part.split()) for part in parts}


def test_config_shows_every_setting_with_its_source(
    empty_notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(shown(empty_notebook)) == NAMES
    assert "From: default. Default: 1000." in shown(empty_notebook)["tail"]
    empty_notebook.good("%config KdMagics.tail = 20")
    assert shown(empty_notebook)["tail"].startswith("tail = 20 ")
    assert "From: set in this notebook. Default: 1000." in shown(empty_notebook)["tail"]
    monkeypatch.setenv("KD_CARD", "false")
    empty_notebook.good("%reload_ext kd_magics")
    assert "card = False" in shown(empty_notebook)["card"]
    assert "From: environment KD_CARD." in shown(empty_notebook)["card"]


def test_the_config_file_is_a_source_and_the_environment_goes_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = Config({"KdMagics": {"tail": 5, "card": False}})
    monkeypatch.setenv("KD_TAIL", "7")
    settings = KdMagics(config=config)
    assert (settings.card, settings.source("card")) == (False, "config file")
    assert (settings.tail, settings.source("tail")) == (7, "environment KD_TAIL")
    assert settings.source("preflight") == "default"


@pytest.mark.parametrize(
    ("name", "text"),
    [("KD_TAIL", "many"), ("KD_TAIL", "0"), ("KD_CARD", "perhaps"), ("KD_UPDATES_PER_SECOND", "-")],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(InvalidInput, match=f"{name} is '{text}'"):
        KdMagics()


def test_the_default_cluster_is_meant_where_none_is_named(
    notebook: Notebook, engine: RunningEngine
) -> None:
    job = engine.run("print('here')")[0]["id"]
    notebook.attach({CLUSTER: [(engine.url, TOKEN)], "other": [("http://127.0.0.1:9", TOKEN)]})
    assert "several training clusters" in notebook.fails(f"%logs {job}", BadOptions)
    notebook.good("%config KdMagics.default_cluster = 'trainingengineinstance'")
    assert notebook.good(f"%logs {job}").text == "Job Status: Finished\nhere\n"


def test_another_connect_timeout_makes_other_clients(
    notebook: Notebook, engine: RunningEngine
) -> None:
    session = notebook.shell._kd_magics.session
    before = session.training(CLUSTER)
    assert session.training(CLUSTER) is before
    notebook.good("%config KdMagics.connect_timeout_s = 1.5")
    assert session.training(CLUSTER) is not before


def test_unloading_takes_the_settings_away(empty_notebook: Notebook) -> None:
    empty_notebook.good("%unload_ext kd_magics")
    classes = [type(one).__name__ for one in empty_notebook.shell.configurables]
    assert "KdMagics" not in classes


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_documented(name: str) -> None:
    trait = KdMagics.class_traits()[name]
    assert len(trait.help) > 20
    assert trait.help.endswith(".")
    assert variable(name) == f"KD_{name.upper()}"


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_used(name: str) -> None:
    code = "\n".join(p.read_text() for p in SOURCE.rglob("*.py") if p.name != "settings.py")
    assert re.search(rf"settings\.{name}\b(?! = )", code), (
        f"no module reads session.settings.{name}"
    )
