"""A job's progress is read from its log: while it runs, in lists, and once when it has ended."""

from pathlib import Path

import pytest

from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.record import Exit, Record, Started, Submitted
from kd_engines.training.store.job_progress import TAIL, JobProgress
from kd_engines.training.store.job_store import JobStore
from kd_pipeline.messages import Progress, SubmitJob
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine

BAR = "\r{0}%|████      | {0}/100 [00:12<00:15,  7.1it/s, loss=0.{0}]"


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    """A store with one job."""
    found = JobStore(tmp_path, "c")
    found.submit(SubmitJob(code="pass"))
    return found


def record(*, ended: bool = False) -> Record:
    """Return what the files of job 1 say."""
    started = Started(records.now(), pid=1)
    exit_ = Exit("Finished", records.now()) if ended else None
    return Record(Submitted(1, records.now(), ""), started, exit_)


def write(store: JobStore, text: str) -> None:
    """Append to the log of job 1."""
    with store.path(1, records.LOG).open("a") as log:
        log.write(text)


def test_a_log_is_read_on_from_where_it_was_read(store: JobStore) -> None:
    found = JobProgress(store)
    assert found.find(record()) is None
    write(store, "Epoch 3/10\n")
    assert found.find(record()) == Progress(0.2, 3, 10, "epoch", pytest.approx(0, abs=30))
    write(store, BAR.format(45)[:30])
    write(store, BAR.format(45)[30:])
    progress = found.find(record())
    assert progress
    assert progress.fraction == pytest.approx(0.245)
    assert progress.metrics == {"loss": 0.45}


def test_of_a_long_log_only_the_end_is_read_and_no_part_of_a_line(store: JobStore) -> None:
    bars = "".join(BAR.format(n) for n in range(10, 100))
    write(store, bars * 10 + "Epoch 2/4\n")
    line = "x" * (TAIL - 200) + "loss=9\n"
    write(store, "epoch 1/2 loss=0.5 " + "y" * 300 + "=1 " + line + "acc=0.5\n")
    progress = JobProgress(store).find(record())
    assert progress == Progress(metrics={"acc": 0.5})


def test_what_was_known_stays_when_a_part_of_the_log_is_left_out(store: JobStore) -> None:
    found = JobProgress(store)
    write(store, "Epoch 3/10\n")
    found.find(record())
    write(store, "".join(BAR.format(n) for n in range(10, 46)) * 5)
    progress = found.find(record())
    assert progress
    assert progress.fraction == pytest.approx(0.245)


def test_an_ended_jobs_log_is_read_once(store: JobStore) -> None:
    found = JobProgress(store)
    write(store, "epoch 5/10 loss=0.5\n")
    first = found.find(record(ended=True))
    store.path(1, records.LOG).unlink()
    assert (
        first
        == found.find(record(ended=True))
        == Progress(0.5, 5, 10, "epoch", None, {"loss": 0.5})
    )


def test_a_log_of_any_bytes_tells_nothing_and_breaks_nothing(store: JobStore) -> None:
    store.path(1, records.LOG).write_bytes(bytes(range(256)) * 200)
    assert JobProgress(store).find(record()) is None


def test_a_running_job_tells_its_progress_and_a_list_does_too(engine: RunningEngine) -> None:
    code = (
        "import time\nfrom tqdm import tqdm\n"
        "for n in tqdm(range(10)):\n"
        "    if n == 5: print('accuracy: 0.75', flush=True); time.sleep(600)"
    )
    job = engine.submit(code)["id"]
    told = eventually(lambda: (engine.get(f"/jobs/{job}")["progress"] or {}).get("metrics"))
    assert told == {"accuracy": 0.75}
    [listed] = engine.get("/jobs?status=Running")["jobs"]
    assert listed["progress"]["total"] == 10
    engine.call("POST", f"/jobs/{job}/cancel")
    engine.wait(job)


def test_a_job_that_tells_nothing_has_no_progress(engine: RunningEngine) -> None:
    job, _ = engine.run("print('done: models/x')")
    assert job["progress"] is None
