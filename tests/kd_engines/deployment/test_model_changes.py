"""What a change of a model's ConfigMap does to the process that serves it."""

from kd_pipeline.model_aliases import ModelAliases
from tests.kd_engines.deployment.running_deployment import RunningDeployment
from tests.kd_engines.running_server import eventually


def returns(value: object) -> str:
    return f"def predict(model, args): return {value!r}"


def test_an_unchanged_model_keeps_its_process(engine: RunningDeployment) -> None:
    label = engine.serve("same", "1", returns(1))
    pid = engine.state(label)["pid"]
    engine.serve("another", "1", returns(2))
    assert engine.state(label)["pid"] == pid
    assert pid in [worker.pid for worker in engine.workers()]


def test_another_description_needs_no_other_process(engine: RunningDeployment) -> None:
    label = engine.serve("described", "1", returns(1))
    before = engine.state(label)
    engine.models[label]["data"]["description"] = "now in words"
    engine.write_configmeta()
    eventually(lambda: engine.state(label)["description"] == "now in words")
    after = engine.state(label)
    assert {**after, "description": ""} == {**before, "description": ""}
    assert after["state"] == "Ready"


def test_a_new_version_is_warm_also_without_an_example(engine: RunningDeployment) -> None:
    source = """
    asked = []
    def predict(model, args):
        asked.append(args)
        return len(asked)
    """
    first = engine.serve("warmed", "1", source)
    assert engine.predict(first, {"a": 1}) == 1
    second = engine.serve("warmed", "2", source)
    assert engine.predict(second, {"a": 2}) == 2  # it was asked what the other one was asked
    fails = "def predict(model, args): return args['b']"
    third = engine.serve("warmed", "3", fails)
    assert engine.predict(third, {"b": 3}) == 3


def test_another_lineage_key_or_alias_restarts_nothing(engine: RunningDeployment) -> None:
    label = engine.serve("traced", "1", returns(1))
    pid, sha256 = (engine.state(label)[key] for key in ("pid", "sha256"))
    engine.models[label]["data"].update({"git-commit": "8e1f", "metrics": '{"mae": 3}'})
    engine.aliases = [ModelAliases("traced", {"champion": "1"}).to_manifest()]
    engine.write_configmeta()
    after = engine.wait(label)
    assert (after["pid"], after["sha256"], after["restarts"]) == (pid, sha256, 0)
    assert engine.predict("traced/champion", {}) == 1
    engine.aliases = []
    engine.models[label]["data"]["timeout-s"] = "9"  # this decides how it runs
    engine.write_configmeta()
    assert engine.wait(label)["pid"] != pid
