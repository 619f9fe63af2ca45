"""What a job would miss is told before it is sent."""

from pathlib import Path
from typing import Any

from tests.kd_engines.training.running_engine import RunningEngine


def look(engine: RunningEngine, **asked: Any) -> dict[str, Any]:
    """Ask an engine's preflight."""
    answer = engine.call("POST", "/preflight", json=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_modules_that_a_job_would_not_find_are_told_with_their_package(
    engine: RunningEngine,
) -> None:
    (engine.repository / "features.py").write_text("x = 1")
    modules = ["os", "json", "_json", "zipimport", "msgspec", "features", "numpy.linalg"]
    told = look(engine, modules=[*modules, "cv2", "no_such", "cv2", "winreg"])
    assert told["missing_modules"] == [
        {"name": "cv2", "package": "opencv-python"},
        {"name": "no_such", "package": None},
        {"name": "winreg", "package": None},
    ]


def test_what_is_told_of_a_module_is_what_a_job_finds(engine: RunningEngine) -> None:
    names = ["tests", "kd_pipeline", "kd_engines", "pytest", "running_engine", "xgboost", "bs4"]
    missing = {one["name"] for one in look(engine, modules=names)["missing_modules"]}
    code = (
        "import importlib.util\n"
        f"print(*[n for n in {names} if importlib.util.find_spec(n) is None])"
    )
    _, log = engine.run(code)
    assert set(log.split()) == missing


def test_a_module_that_was_just_written_is_found(engine: RunningEngine) -> None:
    assert look(engine, modules=["written_now"])["missing_modules"]
    (engine.repository / "written_now.py").touch()
    assert look(engine, modules=["written_now"])["missing_modules"] == []


def test_a_required_package_is_not_missed(engine: RunningEngine) -> None:
    told = look(engine, modules=["cv2", "skimage"], requirements=["OpenCV_Python>=4"])
    assert told["missing_modules"] == [{"name": "skimage", "package": "scikit-image"}]


def test_paths_are_looked_at_in_every_form(engine: RunningEngine, tmp_path: Path) -> None:
    (engine.repository / "data" / "rides.csv").touch()
    (tmp_path / "own.csv").touch()
    there = [
        "data/rides.csv",
        "/bd-fs-mnt/project_repo/data/rides.csv",
        "repo://project_repo/data/rides.csv",
        str(engine.repository / "data" / "rides.csv"),
        str(tmp_path / "own.csv"),
    ]
    missing = [
        "data/none.csv",
        "/bd-fs-mnt/project_repo/none",
        "repo://project_repo/none",
        str(tmp_path / "none.csv"),
    ]
    assert look(engine, paths=[*there, *missing])["missing_paths"] == missing


def test_nothing_is_said_of_relative_paths_out_of_the_repository(engine: RunningEngine) -> None:
    assert look(engine, paths=["../../etc/passwd", "../none"])["missing_paths"] == []


def test_what_would_be_refused_is_told_in_a_sentence_each(engine: RunningEngine) -> None:
    told = look(
        engine,
        resources={"cpus": 4096, "memory_bytes": 2**60, "gpus": 2},
        requirements=["-e ."],
    )
    assert "4096 processors" in told["problems"][0]
    assert "of memory, this engine has" in told["problems"][1]
    assert told["problems"][2] == "The job wants 2 GPUs, this engine has none (--gpus)."
    assert "'-e .' is not a valid requirement" in told["problems"][3]
    assert look(engine, resources={"cpus": -1})["problems"] == [
        "cpus is -1; it is a number above 0 (--cpus)."
    ]
    assert look(engine, resources={"cpus": 0.5, "gpus": 0})["problems"] == []


def test_an_endless_question_is_refused(engine: RunningEngine) -> None:
    answer = engine.call("POST", "/preflight", json={"modules": ["a"] * 1001})
    assert answer.status_code == 413
    assert "1,000" in answer.json()["error"]["message"]
