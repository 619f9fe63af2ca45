"""The client that asks for a ride: its sentence, what it refuses, and what it says when alone."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
import query

CLIENT = Path(query.__file__)
RIDE = ["--from", "40.7506,-73.9935", "--to", "40.6446,-73.7822"]
RIDE += ["--distance", "16.6", "--when", "2009-01-20 08:30"]
NOBODY = ["--url", "http://127.0.0.1:9"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (734.2, "12 minutes and 14 seconds"),
        (61, "1 minute and 1 second"),
        (60, "1 minute"),
        (3600, "1 hour"),
        (3725, "1 hour, 2 minutes and 5 seconds"),
        (59.6, "1 minute"),
        (2, "2 seconds"),
        (0.2, "no time"),
        (-3, "no time"),
    ],
)
def test_a_duration_as_a_person_says_it(seconds: float, said: str) -> None:
    assert query.sentence(seconds) == f"Your ride will take {said}."


def test_the_scoring_arguments_are_the_tutorials() -> None:
    when = datetime(2009, 1, 20, 8, 30)  # a Tuesday
    assert query.scoring_args((40.7, -73.9), (40.6, -73.8), 5.0, when) == {
        "work": 1,
        "startstationlatitude": 40.7,
        "startstationlongitude": -73.9,
        "endstationlatitude": 40.6,
        "endstationlongitude": -73.8,
        "trip_distance": 5.0,
        "weekday": 1,
        "hour": 8,
    }
    evening = query.scoring_args((40.7, -73.9), (40.6, -73.8), 5.0, when.replace(hour=18))
    assert (evening["work"], evening["weekday"]) == (0, 1)


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        (
            "--from",
            "home",
            "'home' is not a place; give latitude,longitude such as 40.7506,-73.9935.",
        ),
        ("--to", "1,2,3", "'1,2,3' is not a place; "),
        ("--to", "140.7,-73.9", "'140.7,-73.9' is not on the globe; "),
        ("--to", "nan,nan", "'nan,nan' is not on the globe; "),
        ("--distance", "far", "'far' is not a distance; give miles over 0 and under 150."),
        ("--distance", "0", "'0' is not a distance; "),
        ("--distance", "nan", "'nan' is not a distance; "),
        ("--when", "soon", "'soon' is not a time; give a date and time such as 2009-01-20 08:30."),
    ],
)
def test_a_wrong_value_gives_one_sentence(
    option: str, value: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert query.main([*RIDE, *NOBODY, option, value]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(sentence)
    assert printed.err.count("\n") == 1


def test_nobody_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KD_DEPLOYMENT_TOKEN", "a-secret")
    assert query.main([*RIDE, *NOBODY]) == 1
    said = capsys.readouterr().err
    assert said.startswith("No deployment engine answers at http://127.0.0.1:9 (")
    assert "a-secret" not in said


def test_a_token_that_is_not_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KD_DEPLOYMENT_TOKEN", raising=False)
    assert query.main([*RIDE, *NOBODY]) == 1
    assert capsys.readouterr().err.startswith("KD_DEPLOYMENT_TOKEN is not set; put ")


def test_no_connections_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KD_CONFIGMETA", str(tmp_path / "configmeta.json"))
    assert query.main(RIDE) == 1
    said = capsys.readouterr().err
    assert said.startswith("Nothing is known to be connected: ")
    assert said.count("\n") == 1


def test_what_is_not_given_is_asked_for_and_silence_is_told() -> None:
    asked = subprocess.run(
        [sys.executable, str(CLIENT), *RIDE[:4], *NOBODY],
        input="16.6\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 1
    assert asked.stdout.startswith("How many miles is it? When does it start (")
    assert asked.stderr.startswith("Nobody answers: When does it start (")


def test_a_deployment_does_not_show_its_token() -> None:
    assert "a-secret" not in repr(query.Deployment("http://127.0.0.1:9", "a-secret"))
