"""A pickle's libraries are imported before the script that reads it, which need not name them."""

import pickle
from pathlib import Path

import joblib
import pytest

from kd_engines.deployment.worker.pickled_names import modules_of_pickle
from tests.kd_engines.deployment.formats import trained
from tests.kd_engines.deployment.running_deployment import RunningDeployment

READS = """
import pickle, sys
known = "sklearn.linear_model" in sys.modules
model = pickle.load(open("/bd-fs-mnt/project_repo/models/linear/1", "rb"))
print(known, model.predict([[1.0, 2.0, 3.0, 4.0]]).shape)
"""


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_modules_of_a_pickle_are_found(tmp_path: Path, protocol: int) -> None:
    models = {"a": trained.linear(), "b": trained.gbm_estimator(), "c": trained.linear()}
    (tmp_path / "m").write_bytes(pickle.dumps(models, protocol))
    found = [*modules_of_pickle(tmp_path / "m")]
    assert {"sklearn.linear_model._base", "lightgbm.sklearn"} <= {*found}
    assert len(found) == len({*found})


def test_those_of_joblib_too_up_to_the_first_array(tmp_path: Path) -> None:
    joblib.dump(trained.forest(), tmp_path / "m")
    assert "sklearn.ensemble._forest" in [*modules_of_pickle(tmp_path / "m")]


NO_PICKLES = [b"", b"PK\x03\x04", b"\x80\x04\x93.", b"cos", b"\x80\x05h\x09."]


@pytest.mark.parametrize("content", NO_PICKLES)
def test_what_is_no_pickle_names_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m").write_bytes(content)
    assert [*modules_of_pickle(tmp_path / "m")] == []
    assert [*modules_of_pickle(tmp_path / "none")] == [*modules_of_pickle(tmp_path)] == []


def test_nothing_of_it_is_run(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"cnot.there\nThing\n(S'x'\ntR.")
    assert [*modules_of_pickle(tmp_path / "m")] == ["not.there"]


def test_a_script_that_does_not_import_its_models_library_need_not_wait_for_it(
    engine: RunningDeployment,
) -> None:
    (engine.repository / "models" / "linear").mkdir()
    (engine.repository / "models" / "linear" / "1").write_bytes(pickle.dumps(trained.linear()))
    label = engine.serve("linear", "1", READS)  # whose model is models/linear/1
    for _ in range(2):
        assert engine.ask(label, {}).json()["output"] == "True (1,)\n"
