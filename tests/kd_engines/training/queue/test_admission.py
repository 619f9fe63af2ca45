"""Jobs start where what they ask for is free, in order, and say why they wait."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_engines.training.queue.admission import Admission, Held, Room, problems, variables
from kd_pipeline.messages import Resources
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine

GIB = 1024**3
SLEEP = "import time; time.sleep(600)"
ROOM = Room(places=4, cpus=8, memory_bytes=16 * GIB, gpus=("0", "1"))


def admission(*running: Resources) -> Admission:
    """Return an engine's admission with these jobs running, from 1 on."""
    found = Admission(ROOM)
    for number, asked in enumerate(running, 1):
        found.hold(number, found.choose(asked))
    return found


def started(found: Admission, *waiting: Resources) -> list[bool]:
    """Tell of each waiting job whether it starts in one pass of the queue."""
    free = found.free()
    return [free.places > 0 and free.take(asked) is None for asked in waiting]


def test_a_job_starts_where_it_fits() -> None:
    found = admission(Resources(cpus=6, memory_bytes=10 * GIB, gpus=1))
    assert started(found, Resources(cpus=2)) == [True]
    assert started(found, Resources(cpus=3)) == [False]
    assert started(found, Resources(memory_bytes=7 * GIB)) == [False]
    assert started(found, Resources(gpus=2)) == [False]
    assert started(found, Resources()) == [True]


def test_smaller_jobs_pass_only_with_what_the_waiting_one_does_not_want() -> None:
    found = admission(Resources(cpus=6))
    waiting = Resources(cpus=4)  # keeps the two that are free
    assert started(found, waiting, Resources(cpus=1), Resources(gpus=1), Resources()) == [
        False,
        False,
        True,
        True,
    ]


def test_what_can_never_run_here_holds_up_nobody() -> None:
    found = admission()
    assert started(found, Resources(cpus=9), Resources(cpus=8)) == [False, True]


@given(
    st.lists(
        st.builds(
            Resources,
            cpus=st.none() | st.integers(1, 8).map(float),
            memory_bytes=st.none() | st.integers(1, 16).map(lambda size: size * GIB),
            gpus=st.none() | st.integers(0, 2),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_all_jobs_run_and_nothing_is_given_twice(jobs: list[Resources]) -> None:
    found = Admission(ROOM)
    waiting = dict(enumerate(jobs))
    running: dict[int, Held] = {}
    for _ in range(2 * len(jobs)):
        free = found.free()
        for job, asked in list(waiting.items()):
            if free.places > 0 and free.take(asked) is None:
                running[job] = found.choose(asked)
                found.hold(job, running[job])
                del waiting[job]
        held = running.values()
        assert sum(one.resources.cpus or 0 for one in held) <= ROOM.cpus
        assert sum(one.resources.memory_bytes or 0 for one in held) <= ROOM.memory_bytes
        given_gpus = [gpu for one in held for gpu in one.gpus]
        assert len(given_gpus) == len(set(given_gpus))
        assert all(len(one.gpus) == (one.resources.gpus or 0) for one in held)
        if not running:
            break
        ended = min(running)
        del running[ended]
        found.release(ended)
    assert not waiting


def test_a_job_that_wants_all_is_not_overtaken_for_ever() -> None:
    found = admission(*[Resources(cpus=2)] * 4)
    for newcomer in range(4):
        assert started(found, Resources(cpus=8), Resources(cpus=2)) == [False, False], newcomer
        found.release(newcomer + 1)
    assert started(found, Resources(cpus=8), Resources(cpus=2)) == [True, False]


def test_a_waiting_job_says_what_it_waits_for() -> None:
    found = admission(Resources(cpus=6, gpus=1), Resources(memory_bytes=15 * GIB))
    assert found.reason(0, [Resources(cpus=4)]) == "Wants 4 processors; 2 of 8 are free."
    assert found.reason(0, [Resources(gpus=2)]) == "Wants 2 GPUs; 1 of 2 is free."
    memory = found.reason(0, [Resources(memory_bytes=2 * GIB)])
    assert memory == "Wants 2 GiB of memory; 1 GiB of 16 GiB are free."
    assert found.reason(0, [Resources()]) is None


def test_a_job_without_a_place_names_those_that_run() -> None:
    found = Admission(Room(2, 8, GIB))
    found.hold(7, Held(Resources(), since=_ago(400)))
    found.hold(8, Held(Resources(), since=_ago(185)))
    told = "2 of 2 run (jobs 7 and 8, since 3 minutes)."
    assert found.reason(2, [Resources()] * 3) == f"Waits for 2 jobs before it; {told}"
    assert found.reason(1, [Resources()] * 2) == f"Waits for 1 job before it; {told}"
    assert found.reason(0, [Resources()]) == f"Waits for a free place; {told}"


def test_many_running_jobs_are_not_all_named() -> None:
    found = Admission(Room(5, 8, GIB))
    for job in range(1, 6):
        found.hold(job, Held(Resources(), since=_ago(7300)))
    told = "5 of 5 run (jobs 1, 2, 3 and 2 more, since 2 hours)"
    assert found.reason(0, [Resources()]) == f"Waits for a free place; {told}."


def _ago(seconds: float) -> float:
    return time.time() - seconds


def test_what_an_engine_cannot_give_is_named_with_its_limit() -> None:
    room = Room(2, 2, GIB)
    assert problems(room, Resources(cpus=4, memory_bytes=2 * GIB, gpus=1)) == [
        "The job wants 4 processors, this engine has 2 (--cpus).",
        "The job wants 2 GiB of memory, this engine has 1 GiB (--memory).",
        "The job wants 1 GPU, this engine has none (--gpus).",
    ]
    assert problems(room, Resources(cpus=2, memory_bytes=GIB, gpus=0)) == []


def test_libraries_are_told_how_many_threads_to_start() -> None:
    own = {"OMP_NUM_THREADS": "7", "A": "b"}
    found = variables(Held(Resources(cpus=2.5, gpus=2), ("1", "3")), own)
    assert (found["OMP_NUM_THREADS"], found["MKL_NUM_THREADS"], found["A"]) == ("7", "3", "b")
    assert found["CUDA_VISIBLE_DEVICES"] == "1,3"
    assert variables(Held(Resources()), own) == own
    assert variables(Held(Resources(gpus=0)), {}) == {"CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture
def gpu_engine(
    start_engine: Callable[..., RunningEngine], tmp_path: Path
) -> Callable[..., RunningEngine]:
    """Start engines of a machine with four GPUs, as far as nvidia-smi tells."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nfor gpu in 1 2 3 4; do echo 'Tesla T4, 15360'; done\n")
    program.chmod(0o700)
    path = f"{tmp_path}:{os.environ['PATH']}"
    return lambda **environment: start_engine(PATH=path, KD_MAX_RUNNING="3", **environment)


@pytest.mark.slow
def test_running_jobs_have_gpus_of_their_own_also_after_a_restart(
    gpu_engine: Callable[..., RunningEngine],
) -> None:
    engine = gpu_engine(CUDA_VISIBLE_DEVICES="0,2,3")
    code = f"import os; print(os.environ.get('CUDA_VISIBLE_DEVICES'), flush=True); {SLEEP}"
    first, second = (engine.submit(code, resources={"gpus": n})["id"] for n in (2, 1))
    third = engine.submit(code, resources={"gpus": 1})
    assert third["reason"] == "Wants 1 GPU; 0 of 3 are free."
    assert eventually(lambda: engine.log(first)) == "0,2\n"
    assert eventually(lambda: engine.log(second)) == "3\n"
    assert engine.started(first)["gpus"] == ["0", "2"]
    none = engine.submit("import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']))", **_gpus(0))
    assert (engine.wait(none["id"])["status"], engine.log(none["id"])) == ("Finished", "''\n")
    unasked = engine.run("import os; print(os.environ['CUDA_VISIBLE_DEVICES'])")
    assert unasked[1] == "0,2,3\n"
    engine.stop(signal.SIGKILL)
    engine.start()
    engine.call("POST", f"/jobs/{second}/cancel")
    assert eventually(lambda: engine.log(third["id"])) == "3\n"


def _gpus(number: int) -> dict[str, object]:
    return {"resources": {"gpus": number}}


@pytest.mark.slow
def test_a_waiting_job_tells_its_reason_over_the_wire(
    start_engine: Callable[..., RunningEngine],
) -> None:
    engine = start_engine(KD_MAX_RUNNING="2")
    cpus = engine.get("/environment")["cpus"]
    first = engine.submit(SLEEP, resources={"cpus": cpus})["id"]
    wide = engine.submit(SLEEP, resources={"cpus": cpus})
    wanted = f"{cpus} processor{'s' if cpus > 1 else ''}"
    assert wide["reason"] == f"Wants {wanted}; 0 of {cpus} are free."
    second = engine.submit(SLEEP)  # wants none of it, so it passes
    engine.started(second["id"])
    last = engine.submit(SLEEP)
    told = f"2 of 2 run (jobs {first} and {second['id']}, since "
    assert last["reason"].startswith(f"Waits for 1 job before it; {told}")
    engine.call("POST", f"/jobs/{first}/cancel")
    engine.started(wide["id"])
    assert engine.get(f"/jobs/{wide['id']}")["reason"] is None


def test_what_can_never_fit_is_refused(engine: RunningEngine) -> None:
    cpus = engine.get("/environment")["cpus"]
    for resources, told in (
        ({"cpus": 4096}, f"The job wants 4096 processors, this engine has {cpus} (--cpus)."),
        ({"gpus": 1}, "The job wants 1 GPU, this engine has none (--gpus)."),
        ({"cpus": 0}, "cpus is 0; it is a number above 0 (--cpus)."),
        ({"memory_bytes": 0}, "memory_bytes is 0; it is a number of bytes above 0 (--memory)."),
        ({"gpus": -1}, "gpus is -1; it is a whole number from 0 (--gpus)."),
    ):
        answer = engine.call("POST", "/jobs", json={"code": "pass", "resources": resources})
        assert answer.status_code == 422
        assert answer.json()["error"]["message"] == told


def test_a_jobs_libraries_use_the_processors_it_asked_for(engine: RunningEngine) -> None:
    code = "import os; print(os.environ['OMP_NUM_THREADS'], os.environ['POLARS_MAX_THREADS'])"
    _, log = engine.run(code, resources={"cpus": 1}, env={"POLARS_MAX_THREADS": "9"})
    assert log == "1 9\n"
