"""A model that has more to do than one process can gets forks of it, and loses them again."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import msgspec
import psutil
import pytest

from kd_engines.deployment import replicas
from kd_engines.deployment.served_model import ServedModel
from kd_pipeline.errors import PredictTimeout, ScoringFailed
from tests.kd_engines.deployment.running_deployment import RunningDeployment
from tests.kd_engines.deployment.served_here import served
from tests.kd_engines.running_server import eventually, runs

# Each row sleeps: as many processes, as many rows at a time, whatever the machine has.
SLEEPS = """
import os, random, signal, time
def load(path):
    return {"rows": bytearray(b"x" * (64 << 20))}
def predict(model, args):
    if args.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    if args.get("hang"):
        time.sleep(300)
    time.sleep(args.get("s", 0.05))
    return [os.getpid(), random.random(), args.get("n")]
"""


async def asked(
    model: ServedModel, seconds: float, count: int = 6, idle_processors: float = 4
) -> set[int]:
    """Keep ``count`` requests with a model, and return the pids that answered."""
    until, pids = time.monotonic() + seconds, set()

    async def client() -> None:
        while time.monotonic() < until:
            answer = await model.predict(b"{}")
            pids.add(msgspec.json.decode(answer.result)[0])

    async def looks() -> None:
        while time.monotonic() < until:
            model.look(idle_processors)
            await asyncio.sleep(replicas.LOOK_EVERY_S)

    await asyncio.gather(looks(), *(client() for _ in range(count)))
    return pids


async def soon(found: Callable[[], bool]) -> None:
    """Let the event loop run until ``found`` is true, for five seconds at most."""
    async with asyncio.timeout(5):
        while not found():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.02)


async def with_replica(model: ServedModel) -> int:
    """See to it that a model has one replica; return its pid."""
    await asked(model, 2)
    assert model.processes == 2
    pids = await asked(model, 0.5)
    return next(iter(pids - {model.pid}))


def test_a_busy_model_has_as_many_processes_as_it_may_and_loses_them_when_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "IDLE_S", 0.5)

    async def run() -> None:
        async with served(tmp_path, SLEEPS, most_processes=3) as model:
            pids = await asked(model, 4)
            assert len(pids) == model.processes == 3
            assert model.pid in pids
            began = time.monotonic()
            answers = await asyncio.gather(*(model.predict(b'{"s": 0.4}') for _ in range(3)))
            assert time.monotonic() - began < 0.75  # one after the other it is 1.2 s
            assert {msgspec.json.decode(a.result)[0] for a in answers} == pids
            assert all(answer.pid in (0, *pids) for answer in answers)
            model.allow(2)
            model.look(4)
            assert model.processes == 2
            while model.processes > 1:
                await asyncio.sleep(replicas.LOOK_EVERY_S)
                model.look(4)
            await soon(lambda: sum(map(runs, pids)) == 1)
            assert msgspec.json.decode((await model.predict(b"{}")).result)[0] == model.pid

    asyncio.run(run())


COMPUTES = """
import os, time
def predict(model, args):
    until = time.process_time() + 0.02
    while time.process_time() < until:
        pass
    return [os.getpid()]
"""


@pytest.mark.parametrize(("source", "count"), [(SLEEPS, 2), (COMPUTES, 1)])
def test_on_a_busy_machine_only_what_waits_for_something_else_is_forked(
    tmp_path: Path, source: str, count: int
) -> None:
    async def run() -> None:
        async with served(tmp_path, source, most_processes=2) as model:
            await asked(model, 3, idle_processors=0)
            assert model.processes == count

    asyncio.run(run())


def test_pages_are_shared_and_random_numbers_are_not(tmp_path: Path) -> None:
    source = (
        "import numpy\nSHARED = numpy.ones(16 << 20)\n"  # 128 MB
        "def predict(model, args):\n"
        "    import os, time\n    time.sleep(0.02)\n"
        "    return [os.getpid(), float(numpy.random.random()), float(SHARED[0])]\n"
    )

    async def run() -> None:
        async with served(tmp_path, source, most_processes=2) as model:
            replica = await with_replica(model)
            answers = await asyncio.gather(*(model.predict(b"{}") for _ in range(20)))
            numbers = [msgspec.json.decode(answer.result)[1] for answer in answers]
            assert len(set(numbers)) == 20
            assert psutil.Process(replica).memory_full_info().uss < 32 << 20

    asyncio.run(run())


@pytest.mark.parametrize(
    "library", ["numpy", "pandas", "pyarrow", "sklearn.ensemble", "xgboost", "onnxruntime"]
)
def test_the_usual_libraries_do_not_keep_a_model_from_replicas(
    tmp_path: Path, library: str
) -> None:
    pytest.importorskip(library)
    source = f"import {library}\n{SLEEPS}"

    async def run() -> None:
        async with served(tmp_path, source, most_processes=2) as model:
            await asked(model, 2)
            assert model.remark is None
            assert model.processes == 2

    asyncio.run(run())


def test_a_pool_of_threads_that_a_fork_would_wait_for_is_seen(tmp_path: Path) -> None:
    source = (
        "import os, time, onnxruntime\nfrom skl2onnx import to_onnx\n"
        "from sklearn.linear_model import LinearRegression\n"
        "def load(path):\n"
        "    rows = [[1.0], [2.0]]\n    import numpy as np\n"
        "    model = LinearRegression().fit(rows, [1, 2])\n"
        "    onnx = to_onnx(model, np.ones((1, 1), np.float32)).SerializeToString()\n"
        "    options = onnxruntime.SessionOptions()\n    options.intra_op_num_threads = 3\n"
        "    return onnxruntime.InferenceSession(onnx, options)\n"
        "def predict(model, args):\n    time.sleep(0.02)\n    return [os.getpid()]\n"
    )

    async def run() -> None:
        async with served(tmp_path, source, most_processes=2) as model:
            assert await asked(model, 2) == {model.pid}
            assert "it has threads" in str(model.remark)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("loads", "why"),
    [
        ("threading.Thread(target=time.sleep, args=(300,), daemon=True).start()", "it has threads"),
        ("held.append(open(__file__))", "it keeps something open (/"),
        ("held.append(socket.socket())", "it keeps something open (socket)"),
        ("held.append(subprocess.Popen(['sleep', '300']))", "it has started other processes"),
    ],
)
def test_what_a_fork_would_share_wrongly_keeps_one_process_and_is_told(
    tmp_path: Path, loads: str, why: str
) -> None:
    source = (
        "import os, socket, subprocess, threading, time\nheld = []\n"
        f"def load(path):\n    {loads}\n"
        "def predict(model, args):\n    time.sleep(0.02)\n    return [os.getpid()]\n"
    )

    async def run() -> None:
        async with served(tmp_path, source, most_processes=2) as model:
            assert await asked(model, 2) == {model.pid}
            assert model.remark is not None
            assert model.remark.startswith("It has no further process, though there is work")
            assert why in model.remark

    asyncio.run(run())


def test_nothing_is_lost_when_a_replica_or_the_worker_dies(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, SLEEPS, most_processes=2) as model:
            for who in ("replica", "worker"):
                replica = await with_replica(model)
                body = [msgspec.json.encode({"n": n, "s": 0.1}) for n in range(10)]
                asking = [asyncio.create_task(model.predict(one)) for one in body]
                await asyncio.sleep(0.15)
                worker = model.worker_pid
                os.kill(replica if who == "replica" else worker, signal.SIGKILL)
                answers = await asyncio.gather(*asking)
                told = [msgspec.json.decode(answer.result)[2] for answer in answers]
                assert told == list(range(10))
                assert (model.pid == worker) == (who == "replica")
                await soon(lambda pid=replica: not runs(pid))
                model._replicas._not_before = 0.0  # of a minute

    asyncio.run(run())


def test_a_request_that_kills_is_told_and_others_have_their_answers(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, SLEEPS, most_processes=2) as model:
            await with_replica(model)
            asking = [asyncio.create_task(model.predict(b'{"s": 0.1}')) for _ in range(6)]
            killers = [asyncio.create_task(model.predict(b'{"die": 1}')) for _ in range(2)]
            for killer in killers:
                with pytest.raises(ScoringFailed, match="failed on this request twice"):
                    await killer
            assert len(await asyncio.gather(*asking)) == 6

    asyncio.run(run())


def test_a_replica_that_hangs_is_ended_and_the_worker_goes_on(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, SLEEPS, 1.5, most_processes=2) as model:
            await with_replica(model)
            worker, replica = model.worker_pid, model._replicas.workers[0]
            slow = asyncio.create_task(model.predict(b'{"s": 0.8}'))  # the worker has it
            hangs = asyncio.create_task(model.predict(b'{"hang": 1}'))
            await asyncio.sleep(0.1)
            assert len(replica.unanswered) == 1
            with pytest.raises(PredictTimeout):
                await hangs
            assert (await slow).failure is None
            await soon(lambda: model.processes == 1)
            assert model.worker_pid == worker
            assert (await model.predict(b"{}")).failure is None

    asyncio.run(run())


@contextmanager
def clients(engine: RunningDeployment, label: str, count: int) -> Iterator[None]:
    """Ask a model all the time."""
    stop = Event()

    def ask() -> None:
        while not stop.is_set():
            engine.predict(label, {})

    with ThreadPoolExecutor(count) as pool:
        asking = [pool.submit(ask) for _ in range(count)]
        try:
            yield
        finally:
            stop.set()
            for one in asking:
                one.result()


def test_an_engine_forks_a_busy_model_and_its_replicas_end_with_it(
    start_deployment: Callable[..., RunningDeployment],
) -> None:
    engine = start_deployment(KD_MODEL_PROCESSES="2")
    label = engine.serve("busy", "1", SLEEPS)
    assert engine.state(label)["processes"] == 1
    with clients(engine, label, 6):
        eventually(lambda: engine.state(label)["processes"] == 2, 30)
    pids = {engine.predict(label, {"s": 0})[0] for _ in range(5)}
    worker = psutil.Process(engine.state(label)["pid"])
    everyone = {worker.pid, *(child.pid for child in worker.children())} | pids
    assert len(everyone) == 2
    engine.stop(signal.SIGKILL)
    eventually(lambda: not any(map(runs, everyone)), 5)


def test_a_model_may_want_to_stay_one_process_and_change_its_mind(
    engine: RunningDeployment,
) -> None:
    label = engine.serve("one", "1", SLEEPS, processes="1")
    pid = engine.state(label)["pid"]
    with clients(engine, label, 6):
        time.sleep(3)
        assert engine.state(label)["processes"] == 1
        engine.serve("one", "1", SLEEPS, processes="2")
        eventually(lambda: engine.state(label)["processes"] == 2, 30)
    assert engine.state(label)["pid"] == pid  # nothing was restarted
    engine.connect("one", "1", SLEEPS, processes="none")
    eventually(lambda: "must be a whole number" in str(engine.state(label)["reason"]), 10)
