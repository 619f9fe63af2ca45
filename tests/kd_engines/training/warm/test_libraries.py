"""Libraries that jobs have imported of late are there before a job is, and nobody can tell."""

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from kd_engines.training.queue.usual_imports import imports_of
from kd_engines.training.warm.libraries import Project
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_engines.training.warm.engines import seen, warm_and_cold

IMPORTS = (
    "import numpy, pandas, sklearn.ensemble, xgboost\n"
    "from matplotlib import pyplot\n"
    "from IPython.display import display\n"
)
HAS = (
    "import sys\nprint(any('{0}' in getattr(f, '_hidden', ()) for f in sys.meta_path))\nimport {0}"
)
NEW = (
    "import sys; before = set(sys.modules)\n{}\nnew = sorted(set(sys.modules) - before)\n"
    "import json; print(json.dumps(new))"
)
SEEN = {
    "nothing before the import": "import sys; print('numpy' in sys.modules); import numpy",
    "what a package has": "import sklearn; print(sorted(vars(sklearn))); import numpy",
    "variables": (
        # Without the word that has a job import its libraries itself.
        "import os; now = vars(os)['env' 'iron']; before = dict(now)\nimport sklearn\n"
        "print(sorted(set(now.items()) ^ set(before.items())))"
    ),
    "filters": (
        "import warnings, numpy; print(warnings.filters)\nimport sklearn; print(warnings.filters)"
    ),
    "its own filter first": (
        "import warnings; warnings.simplefilter('error'); import sklearn; print(warnings.filters)"
    ),
    "a reload": "import pandas, importlib; print(importlib.reload(pandas) is pandas)",
    "threads that compute": (
        "import numpy as np, threadpoolctl; a = np.ones((600, 600)); print((a @ a)[0, 0])\n"
        "print([(i['internal_api'], i['num_threads']) for i in threadpoolctl.threadpool_info() "
        "if 'numpy.libs' in i['filepath']])"
    ),
    "a figure": "from matplotlib import pyplot as plt; plt.plot([1, 2]); plt.show()",
    "backend": "import matplotlib; print(matplotlib.get_backend(), matplotlib.rcParams['backend'])",
    "IPython's display": "from IPython.display import display, HTML; display(HTML('<b>b</b>'))",
    "a table": "import pandas; pandas.DataFrame({'a': [1]})",
    "a model": (
        "import numpy as np, xgboost; x = np.arange(200.0).reshape(100, 2)\n"
        "m = xgboost.XGBRegressor(n_estimators=5).fit(x, x[:, 0]); print(m.predict(x)[:5])\n"
        "from sklearn.ensemble import RandomForestRegressor as R\n"
        "print(R(5, random_state=0, n_jobs=2).fit(x, x[:, 0]).predict(x)[:5])"
    ),
    "a fork's pool": (
        "import numpy as np, multiprocessing as m\n"
        "def f(x): return float((np.ones((99, 99)) @ x).sum())\n"
        "with m.get_context('fork').Pool(2) as pool: print(pool.map(f, [np.ones((99, 99))] * 3))"
    ),
    "joblib": (
        "import joblib, math\n"
        "print(joblib.Parallel(2)(joblib.delayed(math.sqrt)(i) for i in range(4)))"
    ),
    "a seed": "import numpy as np, random; np.random.seed(1); print(np.random.rand())",
    "an error within": "import pandas; pandas.DataFrame({'a': [1]})['b']",
    "pickles": "import numpy as np, pickle; print(pickle.dumps(np.arange(3)))",
}
MINE = b64encode(b"print('my own')").decode()
LIBRARY_JOB = "import numpy; print(numpy.random.rand(), numpy.random.randint(10**9))"


@pytest.fixture(scope="module")
def engines(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[RunningEngine, RunningEngine]]:
    """Two engines whose jobs import libraries; the first has them in advance by now."""
    with warm_and_cold(tmp_path_factory.mktemp("engines")) as both:
        warm, _ = both
        warm.run(IMPORTS)
        for name in ("numpy", "pandas", "sklearn.ensemble", "xgboost", "matplotlib.pyplot"):
            eventually(lambda name=name: has(warm, name))
        yield both


def has(engine: RunningEngine, name: str) -> bool:
    """Tell whether a job has a module in advance that it imports."""
    return engine.run(HAS.format(name))[1] == "True\n"


@pytest.mark.parametrize("what", SEEN)
def test_a_job_with_libraries_sees_what_a_cold_one_sees(
    engines: tuple[RunningEngine, RunningEngine], what: str
) -> None:
    warm, cold = engines
    assert not imports_of(SEEN[what]).is_special
    assert has(warm, "numpy")
    assert seen(warm, SEEN[what]) == seen(cold, SEEN[what])


@pytest.mark.parametrize("name", ["numpy", "pandas", "scipy.sparse", "sklearn", "xgboost"])
def test_an_import_brings_the_modules_that_it_would_bring(
    engines: tuple[RunningEngine, RunningEngine], name: str
) -> None:
    warm, cold = (
        set(json.loads(engine.run(NEW.format(f"import {name}"))[1])) for engine in engines
    )
    assert warm - cold == set()
    # What a library imports in C, or on its first use, is in its place when it is asked for.
    assert len(cold - warm) < 0.15 * len(cold)


def test_two_jobs_have_no_random_numbers_in_common(
    engines: tuple[RunningEngine, RunningEngine],
) -> None:
    warm, _ = engines
    assert warm.run(LIBRARY_JOB)[1] != warm.run(LIBRARY_JOB)[1]


@pytest.mark.parametrize(
    "fields",
    [
        {"code": "import os; os.environ['OMP_NUM_THREADS'] = '1'\n"},
        {"code": "import os; os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')\n"},
        {"env": {"OMP_NUM_THREADS": "1"}},
        {"resources": {"cpus": 1}},
        {"resources": {"memory_bytes": 2**31}},
        {"clean": True},
    ],
)
def test_what_a_library_reads_when_it_is_imported_counts(
    engines: tuple[RunningEngine, RunningEngine], fields: dict[str, object]
) -> None:
    warm, _ = engines
    code = str(fields.get("code", "")) + HAS.format("numpy")
    job, log = warm.run(code, **{name: fields[name] for name in fields if name != "code"})
    assert (job["status"], log) == ("Finished", "False\n")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"pandas.py": MINE}, "import pandas"),
        ({"pytz/__init__.py": MINE, "dateutil/__init__.py": MINE}, "import dateutil, pandas"),
        ({"json.py": MINE}, "import json"),
        ({"bisect.py": MINE}, "import random"),
    ],
)
def test_a_module_that_was_sent_hides_a_library(
    engines: tuple[RunningEngine, RunningEngine], files: dict[str, str], code: str
) -> None:
    warm, cold = (
        engine.run(f"try: {code}\nexcept ImportError: print('not whole')", files=files)
        for engine in engines
    )
    assert warm[1] == cold[1]
    assert warm[0]["status"] == "Finished"


def test_a_variable_that_comes_too_late_is_told(
    engines: tuple[RunningEngine, RunningEngine],
) -> None:
    warm, _ = engines
    mine = b64encode(b"import os; os.environ['OMP_NUM_THREADS'] = '1'").decode()
    _, log = warm.run("import mine, numpy", files={"mine.py": mine})
    assert log == (
        "OMP_NUM_THREADS was set before numpy was imported, which this engine had loaded in "
        "advance, so it may have no effect; start the job with --clean.\n"
    )
    _, log = warm.run("import mine, numpy", files={"mine.py": mine}, clean=True)
    assert log == ""


def test_an_engine_remembers_what_jobs_imported_before_its_start(
    engines: tuple[RunningEngine, RunningEngine],
) -> None:
    warm, _ = engines
    warm.run("import numpy")
    warm.stop()
    warm.start()
    asked = "import sys\nprint(any('numpy' in getattr(f, '_hidden', ()) for f in sys.meta_path))"
    # Its own code imports nothing; the module that was sent might.
    files = {"mine.py": MINE}
    eventually(lambda: warm.run(f"{asked}\nimport mine", files=files)[1].startswith("True"))


LOAD = """
import json, sys
sys.path[:0] = [{packages!r}, {place!r}, {path!r}]
from kd_engines.training.warm.libraries import Libraries, LeftOut
libraries = Libraries({most})
libraries._places = [{place!r}]
libraries._installed += ({place!r} + "/",)
try:
    for name in {names!r}:
        libraries.load(name)
    print(json.dumps(sorted(libraries.packages)))
    open({place!r} + "/good.py", "a").write("# changed")
    print(json.dumps(libraries.are_as_loaded()))
except LeftOut as error:
    print(json.dumps(error.args))
"""


def load(place: Path, *names: str, most: int = 1 << 40, path: str = "/nowhere") -> list[object]:
    """Load modules in a process of its own; return what it tells."""
    packages = str(Path(__file__).parents[4])
    code = LOAD.format(packages=packages, place=str(place), names=names, most=most, path=path)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (
            "import threading as t; t.Thread(target=t.Event().wait, daemon=True).start()",
            "threads",
        ),
        ("file = open('/dev/null')", "open files"),
        ("import signal; signal.signal(signal.SIGTERM, print)", "what signals do"),
        ("import subprocess; p = subprocess.Popen(['sleep', '1'])", "processes"),
        ("import sys; sys.path.append('/nowhere')", "path of modules"),
        ("import os; os.chdir('/')", "working directory"),
        ("print('hello')", "prints"),
        ("import warnings; warnings.warn('old')", "prints"),
        ("1 / 0", "ZeroDivisionError"),
        ("import logging; logging.basicConfig()", "log's handlers"),
    ],
)
def test_a_library_whose_import_leaves_something_behind_is_left_out(
    tmp_path: Path, source: str, why: str
) -> None:
    (tmp_path / "good.py").write_text("")
    (tmp_path / "bad.py").write_text(source)
    ((package, told),) = load(tmp_path, "good", "bad")  # type: ignore[misc]
    assert package == "bad"
    assert why in told


def test_a_library_that_takes_in_a_module_of_the_project_is_left_out(tmp_path: Path) -> None:
    place, project = tmp_path / "place", tmp_path / "project"
    for folder in (place, project):
        folder.mkdir()
    (place / "bad.py").write_text("try: import mine\nexcept ImportError: mine = None")
    (project / "mine.py").write_text("")
    ((package, told),) = load(place, "bad", path=str(project))  # type: ignore[misc]
    assert (package, told) == ("bad", f"its import takes in {project / 'mine.py'}")


def test_a_module_that_came_into_the_project_is_seen(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert not project.has_any({"mine"})
    (tmp_path / "mine.py").write_text("")
    assert project.has_any({"mine", "numpy"})
    assert not project.has_any({"numpy"})


def test_a_library_that_is_too_large_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "large.py").write_text("kept = bytearray(50_000_000)")
    assert load(tmp_path, "large", most=30_000_000) == [["large", "it takes too much memory"]]


def test_names_are_modules_or_what_is_in_one(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("value = 1")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "part.py").write_text("")
    names = ["good", "good.value", "package.part.Class", "nowhere", "json", "package.nothing"]
    assert load(tmp_path, *names) == [["good", "package"], False]
