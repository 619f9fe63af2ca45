"""What a script has loaded has predicted once before a client asks, also without an example."""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from sklearn.ensemble import VotingRegressor
from sklearn.preprocessing import FunctionTransformer

from kd_engines.deployment.worker.warm_models import MOST_MODELS, _is_theirs, warm_up
from tests.kd_engines.deployment.formats import trained
from tests.kd_engines.deployment.running_deployment import RunningDeployment

COUNTING = """
import joblib, pandas, xgboost
asked, predict_before = [], xgboost.Booster.predict
def counted(booster, *args, **kwargs):
    asked.append(1)
    return predict_before(booster, *args, **kwargs)
xgboost.Booster.predict = counted
def load(path):
    return {"trees": xgboost.Booster(model_file=path)}
def predict(model, args):
    before = len(asked)
    value = model["trees"].predict(xgboost.DMatrix(pandas.DataFrame([args])))
    return [before, float(value[0])]
"""
SESSION = "session"
SILENT = compile("", "silent.py", "exec")


def session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(trained.onnx_of(trained.LogisticRegression()))


MODELS: dict[str, Callable[[], Any]] = {
    "booster": trained.booster,
    "lightgbm": trained.gbm,
    "estimator": trained.gbm_estimator,
    "forest": trained.forest,
    "trained without names": trained.histogram,
    SESSION: session,
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[Any]]:
    """Return a function that notes the answers of a model's predictions from then on."""

    def note(model: Any) -> list[Any]:
        answers: list[Any] = []
        for name in ("predict", "inplace_predict", "run"):
            original = getattr(type(model), name, None)
            if original is None:
                continue

            def call(self: Any, *args: Any, _original: Any = original, **named: Any) -> Any:
                answer = _original(self, *args, **named)
                answers.append(answer)
                return answer

            monkeypatch.setattr(type(model), name, call)
        return answers

    return note


def test_no_client_pays_for_the_first_prediction(engine: RunningDeployment) -> None:
    trained.booster().save_model(engine.repository / "trees.ubj")
    (engine.repository / "models" / "first").mkdir()
    (engine.repository / "trees.ubj").rename(engine.repository / "models" / "first" / "1.ubj")
    label = engine.serve("first", "1.ubj", COUNTING)
    before, minutes = engine.predict(label, trained.ROW)
    assert before > 0
    assert minutes == pytest.approx(50, abs=50)


@pytest.mark.parametrize("function", ["predict", "predict_batch"])
def test_no_client_pays_for_what_functions_import(engine: RunningDeployment, function: str) -> None:
    answer = "[before] * len(rows)" if function == "predict_batch" else "before"
    label = engine.serve(
        function.replace("_", "-"),
        "1",
        f"""
import sys
def {function}(model, rows):
    before = ["fractions" in sys.modules, "colorsys" in sys.modules, "chunk" in sys.modules]
    helped(rows)
    return {answer}
def helped(rows):
    import fractions
    return Row().made
def trained():
    import chunk
class Row:
    def __init__(self):
        try:
            import colorsys
        except ImportError:
            pass
        self.made = helped
""",
    )
    assert engine.predict(label, {}) == [True, True, False]


@pytest.mark.parametrize(
    "body",
    [
        "if not rows.get('gpu'): return seen()\n    import fractions",
        "set_up()\n    import fractions",
    ],
)
def test_what_may_not_be_come_to_is_not_imported(engine: RunningDeployment, body: str) -> None:
    source = f"""
import os, sys
def predict(model, rows):
    before = seen()
    {body}
    return before
def seen():
    return "fractions" in sys.modules
def set_up():
    os.environ["FRACTIONS"] = "1"
"""
    label = engine.serve(f"unseen-{len(body)}", "1", source)
    assert engine.predict(label, {}) is False


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "put",
    [
        lambda model: (model, {}),
        lambda model: ({"model": model, "scaler": 2}, {}),
        lambda model: ((1, model), {}),
        lambda model: (None, {"model": model, "np": np}),
    ],
)
def test_a_librarys_model_is_found_and_predicts(
    name: str,
    put: Callable[[Any], tuple[Any, dict[str, Any]]],
    asked: Callable[[Any], list[Any]],
    recwarn: pytest.WarningsRecorder,
) -> None:
    model = MODELS[name]()
    answers = asked(model)
    warm_up(*put(model), SILENT)
    assert all(len(answer) == 1 for answer in answers if name != SESSION)
    assert answers
    assert not list(recwarn)  # nobody sent the made-up row


def test_a_model_in_an_object_of_the_scripts_own_is_found(
    asked: Callable[[Any], list[Any]],
) -> None:
    own = type("Ride", (), {"__module__": "__main__"})()
    own.model = trained.booster()
    answers = asked(own.model)
    warm_up(own, {}, SILENT)
    assert answers


def test_what_is_a_users_own_is_not_called() -> None:
    calls: list[Any] = []

    class Own(trained.LinearRegression):  # type: ignore[misc]
        def predict(self, rows: Any) -> Any:
            calls.append(rows)

    warm_up(
        Own(), {"predict": calls.append, "model": SimpleNamespace(predict=calls.append)}, SILENT
    )
    assert calls == []


@pytest.mark.parametrize("ends", [ValueError, SystemExit])
def test_a_librarys_model_with_a_users_part_is_not_asked(ends: type[BaseException]) -> None:
    calls: list[Any] = []

    def audit(rows: Any) -> Any:
        calls.append(rows)
        raise ends(3)

    class Own(trained.LinearRegression):  # type: ignore[misc]
        predict = audit

    step = FunctionTransformer(audit)
    pipeline = trained.make_pipeline(step, trained.LinearRegression())
    step.func = None
    pipeline.fit(trained.ROWS, trained.MINUTES)
    step.func = audit
    held = trained.LinearRegression().fit(trained.ROWS, trained.MINUTES)
    held.parts_ = np.array([Own(), None], object)
    voting = VotingRegressor([("own", Own()), ("plain", trained.LinearRegression())])
    warm_up([held], {}, SILENT)
    assert not any(map(_is_theirs, [held, pipeline]))
    warm_up([pipeline, voting.fit(trained.ROWS, trained.MINUTES)], {}, SILENT)
    assert calls == []


def test_what_cannot_predict_a_made_up_row_harms_nobody() -> None:
    unfitted = [trained.LinearRegression(), trained.RandomForestClassifier()]
    pipeline = trained.of_texts()
    warm_up([*unfitted, pipeline, ModuleType("sklearn"), trained.LinearRegression], {}, SILENT)
    assert len(pipeline.predict(trained.TABLE.assign(borough="Queens")[:1])) == 1


def test_only_some_of_many_models_are_asked(asked: Callable[[Any], list[Any]]) -> None:
    many = [trained.histogram() for _ in range(MOST_MODELS + 2)]
    answers = asked(many[0])
    warm_up(many, {}, SILENT)
    assert len(answers) == MOST_MODELS


@pytest.mark.parametrize("name", ["predict_proba", "predict", "decision_function"])
def test_a_model_is_asked_as_its_script_asks_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    model, asked = trained.forest(), []
    for method in ("predict", "predict_proba"):
        monkeypatch.setattr(type(model), method, lambda *_, method=method: asked.append(method))
    code = compile(f"def predict(model, args): return model.{name}([args])", "script.py", "exec")
    warm_up(model, {}, code)
    also = {name} if hasattr(model, name) else set()  # a forest has no decision_function
    assert set(asked) == {"predict", *also}  # which every script has a function of
