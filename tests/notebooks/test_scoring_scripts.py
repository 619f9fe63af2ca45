"""The scoring scripts, and the models that the notebook's training cells write."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import score_taxi
from taxi_trips import FEATURES, clean_trips, features, read_trips, scores

RIDE = {
    "work": 1,
    "startstationlatitude": 40.7506,
    "startstationlongitude": -73.9935,
    "endstationlatitude": 40.6446,
    "endstationlongitude": -73.7822,
    "trip_distance": 16.6,
    "weekday": 1,
    "hour": 8,
}
MODEL = "models/taxi/1"
# Two trainings come first; on a busy machine they take minutes.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def unseen(trained: Path) -> pd.DataFrame:
    return clean_trips(read_trips(trained / "data" / "taxi-test.csv"))


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_model_is_clearly_better_than_the_mean(
    trained: Path, unseen: pd.DataFrame, version: str
) -> None:
    folder = trained / "models" / "taxi" / version
    rows = pd.DataFrame(features(unseen), columns=FEATURES).to_dict("records")
    predicted = np.array(score_taxi.predict_batch(score_taxi.load(folder), rows))
    found = scores(unseen.duration.to_numpy(), predicted)
    told = json.loads((folder / "metrics.json").read_text())
    assert found == told["XGBoost"]
    assert all(found[score] < 0.7 * told["the mean"][score] for score in ("MAE", "RMSE", "RMSLE"))


def test_more_trips_make_a_better_model(trained: Path) -> None:
    first, second = (
        json.loads((trained / "models" / "taxi" / version / "metrics.json").read_text())["XGBoost"]
        for version in ("1", "2")
    )
    assert second["RMSE"] < first["RMSE"]


def test_training_again_gives_the_same_model(trained: Path, training_cells: list[str]) -> None:
    before = (trained / MODEL / "model.ubj").read_bytes()
    _run_cell(training_cells[0], trained)
    assert (trained / MODEL / "model.ubj").read_bytes() == before


def _run_cell(cell: str, repository: Path) -> None:
    environment = {"KD_PROJECT_REPO": str(repository), "PATH": ""}
    command = [sys.executable, "-c", cell]
    subprocess.run(command, cwd=repository, env=environment, check=True, capture_output=True)


@pytest.mark.slow
def test_both_scripts_predict_the_same(trained: Path, unseen: pd.DataFrame, tmp_path: Path) -> None:
    old = tmp_path / "score_taxi_2020.py"
    script = (trained / "code" / old.name).read_text()
    assert script.count("/bd-fs-mnt/project_repo") == 1
    old.write_text(script.replace("/bd-fs-mnt/project_repo", str(trained)))
    table = pd.DataFrame(features(unseen), columns=FEATURES)
    for ride in [RIDE, *table.head(2).to_dict("records")]:
        command = [sys.executable, str(old), json.dumps(ride)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        number = re.fullmatch(r"The ride duration prediction is (\S+) seconds\.\n", printed)
        (predicted,) = score_taxi.predict_batch(score_taxi.load(trained / MODEL), [ride])
        assert number
        assert np.float32(number[1]) == np.float32(predicted)


def test_texts_of_numbers_as_the_client_of_2020_sends_them(trained: Path) -> None:
    model = score_taxi.load(trained / MODEL)
    texts = {name: str(value) for name, value in RIDE.items()}
    numbers, as_texts = score_taxi.predict_batch(model, [RIDE, texts])
    assert numbers == as_texts
    assert 600 < numbers < 7200
    assert score_taxi.predict_batch(model, []) == []


@pytest.mark.parametrize(
    ("ride", "sentence"),
    [
        ({**RIDE, "hour": 24}, "hour is 24; it must be a number from 0 to 23."),
        ({**RIDE, "hour": "soon"}, "hour is 'soon'; it must be a number from 0 to 23."),
        ({**RIDE, "trip_distance": None}, "trip_distance is None; it must be a number from 0 to"),
        ({**RIDE, "weekday": float("nan")}, "weekday is nan; it must be a number from 0 to 1."),
        ({"hour": 8}, "work is missing; a ride needs work, startstationlatitude, "),
        ([1, 2], "A ride is an object with the values work, startstationlatitude, "),
    ],
)
def test_what_is_no_ride_is_refused_in_one_sentence(
    trained: Path, ride: object, sentence: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as refused:
        score_taxi.predict_batch(score_taxi.load(trained / MODEL), [ride])
    assert "\n" not in str(refused.value)


def test_pandas_is_not_on_the_path_of_a_prediction(trained: Path) -> None:
    code = (
        "import sys; sys.modules['pandas'] = None; import score_taxi;"
        f"print(score_taxi.predict_batch(score_taxi.load({str(trained / MODEL)!r}), [{RIDE}]))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=trained / "code", capture_output=True, text=True, check=True)
    assert float(done.stdout.strip("[]\n")) > 0


def test_scripts_and_features_name_the_same_columns(trained: Path) -> None:
    assert score_taxi.FEATURES == FEATURES
    assert tuple(score_taxi.LIMITS) == FEATURES
    old = (trained / "code" / "score_taxi_2020.py").read_text()
    columns = old[old.index("columns = [") : old.index("]\nrow")]
    assert tuple(re.findall(r'"(\w+)"', columns)) == FEATURES
