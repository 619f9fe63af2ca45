"""``__main__`` of a function script is the script: the cell's pickles and pools find it."""

import subprocess
import sys

import pytest

from tests.kd_engines.deployment.running_deployment import RunningDeployment, sentence

HALVES = """
class Halves:
    def predict(self, rows):
        return [row[0] / 2 for row in rows]
"""
TRAINS = HALVES + "import joblib, sys\njoblib.dump(Halves(), sys.argv[1])"
LOADS = "import joblib\ndef load(path): return joblib.load(path)\n"
PREDICTS = "def predict(model, args): return model.predict([[args['miles']]])[0]\n"


def train(engine: RunningDeployment, name: str) -> None:
    path = engine.repository / "models" / name / "1"
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-c", TRAINS, str(path)], check=True, timeout=60)


def test_a_class_of_the_training_cell_is_found_in_the_script(engine: RunningDeployment) -> None:
    train(engine, "halves")
    label = engine.serve("halves", "1", HALVES + LOADS + PREDICTS)
    assert engine.predict(label, {"miles": 3}) == 1.5


@pytest.mark.parametrize("kind", ["function", "script"])
def test_where_it_is_not_the_sentence_says_what_to_do(engine: RunningDeployment, kind: str) -> None:
    train(engine, f"no-halves-{kind}")
    path = f"{engine.repository}/models/no-halves-script/1"
    script = f"import joblib, sys\nprint(joblib.load({path!r}), sys.argv)"
    engine.connect(f"no-halves-{kind}", "1", LOADS + PREDICTS if kind == "function" else script)
    if kind == "function":
        told = engine.wait(f"no-halves-{kind}/1", "Failed")["reason"]
    else:
        engine.wait(f"no-halves-{kind}/1")
        told = sentence(engine.ask(f"no-halves-{kind}/1", {}), 500)
    assert "Can't get attribute 'Halves' on <module '__main__'" in told
    assert "It was defined in the cell that trained the model: define it in the scoring" in told


def test_files_of_the_repository_are_in_nobodys_way(engine: RunningDeployment) -> None:
    """Neither its root nor the script's folder is looked at for what is the worker's own."""
    for folder in (engine.repository, engine.repository / "code"):
        for name in ("socket", "msgspec", "selectors", "ast"):
            (folder / f"{name}.py").write_text("raise SystemExit('not this one')")
    label = engine.serve("in-the-way", "1", "def predict(model, args): return 1")
    assert engine.predict(label, {}) == 1
    label = engine.serve("in-the-way-2020", "1", "print(1)")
    assert engine.predict(label, {}) == 1
    for folder in (engine.repository, engine.repository / "code"):
        for name in ("socket", "msgspec", "selectors", "ast"):
            (folder / f"{name}.py").unlink()


POOLS = """
import multiprocessing, threading
import numpy as np
TABLE = {"base": 10}
def work(value):
    return TABLE["base"] + value
if __name__ == "__main__":
    raise SystemExit("a guard is for trying the script by hand")
if "__main__" == __name__ and TABLE:
    raise SystemExit("so is this one")
"""
USES = {
    "fork": "multiprocessing.get_context('fork').Pool(2)",
    "spawn": "multiprocessing.get_context('spawn').Pool(2)",
    "forkserver": "multiprocessing.get_context('forkserver').Pool(2)",
    "futures": "__import__('concurrent.futures').futures.ProcessPoolExecutor(2)",
    "threads": "multiprocessing.pool.ThreadPool(2)",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", USES)
def test_pools_work(engine: RunningDeployment, name: str) -> None:
    source = f"""{POOLS}
def predict_batch(model, rows):
    with {USES[name]} as pool:
        return list(pool.map(work, [row["a"] for row in rows]))
"""
    label = engine.serve(f"pool-{name}", "1", "import multiprocessing.pool\n" + source)
    assert engine.predict(label, [{"a": 1}, {"a": 2}, {"a": 3}]) == [11, 12, 13]


@pytest.mark.slow
def test_a_loky_pool_works(engine: RunningDeployment) -> None:
    source = f"""{POOLS}
from joblib import Parallel, delayed
def predict_batch(model, rows):
    return Parallel(n_jobs=2)(delayed(work)(row["a"]) for row in rows)
"""
    label = engine.serve("pool-loky", "1", source)
    assert engine.predict(label, [{"a": 1}, {"a": 2}]) == [11, 12]
    assert engine.predict(label, [{"a": 5}, {"a": 6}]) == [15, 16]
