"""What is registered is what is served: sums are checked before a model is loaded, each time."""

import hashlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kd_pipeline.fingerprints import fingerprint
from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.deployment.running_deployment import RunningDeployment, sentence
from tests.kd_engines.running_server import eventually

READS = "def load(path): return open(path).read()\ndef predict(model, args): return model"


def sums(engine: RunningDeployment, name: str, source: str) -> dict[str, str]:
    model = engine.repository / "models" / name / "1"
    return {
        "model-sha256": fingerprint(model)[0],
        "scoring-sha256": hashlib.sha256(source.encode()).hexdigest(),
    }


def put(engine: RunningDeployment, name: str, content: str) -> Path:
    path = engine.repository / "models" / name / "1"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_a_model_that_is_not_what_was_registered_is_not_served(engine: RunningDeployment) -> None:
    path = put(engine, "sums", "registered")
    registered = sums(engine, "sums", READS)
    path.write_text("another!!!")
    engine.connect("sums", "1", READS, **registered)
    reason = engine.wait("sums/1", "Failed")["reason"]
    assert "'repo://project_repo/models/sums/1' is not what was registered" in reason
    assert "the ConfigMap's model-sha256 with" in reason
    assert "register what is there now as a new version" in reason
    path.write_text("registered")
    engine.wait("sums/1")
    assert engine.predict("sums/1", {}) == "registered"


def test_nor_is_another_script(engine: RunningDeployment) -> None:
    put(engine, "script-sums", "m")
    registered = sums(engine, "script-sums", READS)
    engine.connect("script-sums", "1", READS + "\n", **registered)
    assert "scoring-sha256 with" in engine.wait("script-sums/1", "Failed")["reason"]


def test_a_restart_loads_what_was_registered_or_nothing(engine: RunningDeployment) -> None:
    path = put(engine, "restart-sums", "registered")
    label = engine.serve("restart-sums", "1", READS, **sums(engine, "restart-sums", READS))
    path.write_text("another!!!")
    assert engine.predict(label, {}) == "registered"  # what is loaded stays
    os.kill(engine.state(label)["pid"], signal.SIGKILL)
    reason = engine.wait(label, "Failed")["reason"]
    assert "signal SIGKILL" in reason
    assert "is not what was registered" in reason
    assert "is not what was registered" in sentence(engine.ask(label, {}), 503)
    path.write_text("registered")
    engine.wait(label)
    assert engine.predict(label, {}) == "registered"


def test_a_changed_file_without_a_sum_is_loaded_at_the_next_look(engine: RunningDeployment) -> None:
    path = put(engine, "no-sums", "first")
    label = engine.serve("no-sums", "1", READS)
    before = engine.state(label)
    path.write_text("later")
    engine.serve("no-sums", "1", READS, metrics="{}")  # its ConfigMap has changed
    assert engine.predict(label, {}) == "later"
    after = engine.state(label)
    assert after["running_sha256"] != before["running_sha256"]
    status = path.stat()
    path.write_text("third")  # of the same size and age, as copies by `cp -p` or rsync may be
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.kill(after["pid"], signal.SIGKILL)
    eventually(lambda: engine.state(label)["pid"] not in (after["pid"], None))
    assert engine.predict(label, {}) == "third"
    assert engine.state(label)["running_sha256"] != after["running_sha256"]


def test_an_old_version_is_never_taken_for_the_new_one(engine: RunningDeployment) -> None:
    """The new one's example ends its worker; the old one's own worker is killed as well."""
    answers = "def predict(model, args): return 'old'"
    label = engine.serve("old-new", "1", answers)
    old = engine.state(label)
    kills = "import os\ndef predict(model, args): os._exit(3)"
    engine.connect("old-new", "1", kills, example='{"a": 1}')
    engine.wait(label, "Failed")
    for again in range(2):
        time.sleep(2.5)  # it is tried again meanwhile
        status = engine.state(label)
        assert (status["state"], status["running_sha256"]) == ("Failed", old["running_sha256"])
        assert engine.predict(label, {}) == "old"
        if not again:
            os.kill(status["pid"], signal.SIGKILL)


def test_a_folder_s_sum_is_that_of_registration_and_no_link_leaves(
    engine: RunningDeployment, tmp_path: Path
) -> None:
    folder = engine.repository / "models" / "folder" / "1"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "weights").write_text("7")
    (folder / "config").write_text("{}")
    (folder / "same").symlink_to(folder / "config")
    source = "def load(path): return open(path + '/deep/weights').read()\n"
    source += "def predict(model, args): return model"
    label = engine.serve("folder", "1", source, **sums(engine, "folder", source))
    assert engine.predict(label, {}) == "7"
    (tmp_path / "secret").write_text("secret")
    (engine.repository / "models" / "shared").mkdir()
    (engine.repository / "models" / "shared" / "table").write_text("8")
    (folder / "linked").symlink_to(engine.repository / "models" / "shared")
    (folder / "up").symlink_to(folder)
    before = fingerprint(folder)
    (engine.repository / "models" / "shared" / "table").write_text("9")
    assert fingerprint(folder) != before  # what a link to a folder has is the model's as well
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("secret")
    (folder / "away").symlink_to(tmp_path / "outside")
    engine.connect("folder", "1", source, metrics="{}")
    reason = engine.wait(label, "Failed")["reason"]
    assert "'away/file' in 'repo://project_repo/models/folder/1' is a link that leads" in reason
    (folder / "away").unlink()
    (folder / "out").symlink_to(tmp_path / "secret")
    engine.connect("folder", "1", source)
    reason = engine.wait(label, "Failed")["reason"]
    assert "'out' in 'repo://project_repo/models/folder/1' is a link that leads out of" in reason
    assert engine.predict(label, {}) == "7"  # the version that ran before


@pytest.mark.parametrize("what", ["path", "scoring-path"])
def test_a_link_in_its_place_that_leaves_is_refused(
    engine: RunningDeployment, tmp_path: Path, what: str
) -> None:
    (tmp_path / "out.py").write_text(READS)
    link = engine.repository / "code" / f"link-{what}.py"
    link.symlink_to(tmp_path / "out.py")
    name = f"link-{what}"
    path, script = put(engine, name, "m"), engine.script(f"{name}-own.py", READS)
    uri = f"repo://project_repo/code/{link.name}"
    config = ModelConfig(name, "1", uri if what == "path" else str(path), script)
    if what == "scoring-path":
        config = ModelConfig(name, "1", str(path), uri)
    engine.models[f"{name}/1"] = config.to_manifest()
    engine.write_configmeta()
    assert "leads out of the project repository" in engine.wait(f"{name}/1", "Failed")["reason"]


def test_a_removal_has_a_grace(start_deployment: Callable[..., RunningDeployment]) -> None:
    """KubeDirector skips a ConfigMap that it cannot find for a moment: nobody is to notice."""
    engine = start_deployment(KD_REMOVAL_GRACE_S="2")
    label = engine.serve("grace", "1", READS)
    pid, manifest = engine.state(label)["pid"], engine.models[label]
    for _ in range(3):
        engine.disconnect(label)
        eventually(lambda: engine.state(label)["state"] == "Draining")
        assert engine.predict(label, {}) == "the model grace 1"
        engine.models[label] = manifest
        engine.write_configmeta()
        assert engine.wait(label)["pid"] == pid
    engine.disconnect(label)
    began = time.monotonic()
    eventually(lambda: engine.ask(label, {}).status_code == 404)
    assert time.monotonic() - began > 1
