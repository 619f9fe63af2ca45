"""%why: one sentence, and the variables of the frames that failed."""

from kd_magics.errors import BadOptions
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance"
SLEEP = "import time\ntime.sleep(60)"


def why(notebook: Notebook, reference: str = "") -> dict[str, str]:
    """Return what %why shows, by its form."""
    (bundle,) = notebook.good(f"%why {reference}").outputs
    assert set(bundle) == {"text/plain", "text/html"}
    return dict(bundle)


def ended(notebook: Notebook, cell: str) -> int:
    """Run a cell to its job's end; return the job's number."""
    notebook.good(f"{cell}")
    return int(notebook.good("_job.wait().id").value)


def test_the_variables_of_the_frames_are_shown_with_shape_and_type(notebook: Notebook) -> None:
    code = (
        "import numpy as np\nimport pandas as pd\n"
        "def fit(table, weights, rate=0.1):\n"
        "    return table['fare'] @ weights\n"
        "df = pd.DataFrame({'miles': [1.0] * 1500, 'hour': [2] * 1500})\n"
        "fit(df, np.ones((1500, 3), dtype='float32'))"
    )
    number = ended(notebook, f"{CELL}\n{code}")
    shown = why(notebook)
    lines = shown["text/plain"].splitlines()
    assert lines[0].startswith(
        f"Job {number} on {CLUSTER}: Failed. KeyError: 'fare' (line 5). It used at most "
    )
    assert lines[0].endswith(" MiB of memory.")
    cells = [line.split() for line in lines]
    assert ["line", "5,", "in", "fit"] in cells
    assert ["Variable", "Type", "Size", "Value"] in cells
    by_name = {words[0]: " ".join(words[1:]) for words in cells if words}
    assert by_name["weights"].startswith("ndarray 1,500 × 3, float32, 18 kB")  # noqa: RUF001
    assert by_name["table"].startswith("DataFrame 1,500 × 2, ")  # noqa: RUF001
    assert "miles, hour" in by_name["table"]
    assert by_name["rate"] == "float 0.1"
    for text in ("weights", "1,500 × 3, float32, 18 kB"):  # noqa: RUF001
        assert f">{text}</td>" in shown["text/html"]


def test_secrets_are_hidden(notebook: Notebook) -> None:
    code = (
        "def connect(password):\n    header = {'api_key': password}\n    raise OSError('refused')\n"
        "connect('hun' + 'ter2')"
    )
    ended(notebook, f"{CELL}\n{code}")
    shown = why(notebook)
    for text in shown.values():
        assert "hunter2" not in text
        assert "[hidden]" in text


def test_whatever_a_job_says_is_escaped(notebook: Notebook) -> None:
    ended(notebook, f"{CELL}\nname = '<script>x</script>'\nraise ValueError(name)")
    html = why(notebook)["text/html"]
    assert "<script>" not in html
    assert html.count("&lt;script&gt;") == 2  # in the sentence and in the variable's value
    ended(notebook, f"{CELL}\nprint('<script>y</script>')\nraise SystemExit(1)")
    html = why(notebook)["text/html"]
    assert "<script>" not in html
    assert "&lt;script&gt;y" in html


def test_without_an_exception_the_end_of_the_log_is_shown(notebook: Notebook) -> None:
    code = "for n in range(30): print('step', n)\nraise SystemExit(4)"
    number = ended(notebook, f"{CELL}\n{code}")
    first, *lines = why(notebook)["text/plain"].splitlines()
    assert first.startswith(
        f"Job {number} on {CLUSTER}: Failed. The code called sys.exit(4) (line 3). "
        'Its log ends with "step 29".'
    )
    assert lines == [f"  | step {n}" for n in range(20, 30)]


def test_a_finished_job_tells_its_memory(notebook: Notebook) -> None:
    number = ended(notebook, f"{CELL}\nprint(1)")
    text = why(notebook, f"{CLUSTER}/{number}")["text/plain"]
    assert text.startswith(f"Job {number} on {CLUSTER}: Finished. It used at most ")
    assert "\n" not in text


def test_a_waiting_job_tells_what_it_waits_for_and_a_running_one_how_far_it_is(
    notebook: Notebook, engine: RunningEngine
) -> None:
    jobs = []
    for _ in range(2):
        notebook.good(f"{CELL}\nprint('Epoch 1/4', flush=True)\n{SLEEP}")
        jobs.append(notebook.shell.user_ns["_job"].id)
    notebook.good(f"{CELL}\n{SLEEP}")
    last = notebook.shell.user_ns["_job"].id
    for job in jobs:
        engine.wait(job, until="Running")
    text = why(notebook)["text/plain"]
    waits = f"Job {last} on {CLUSTER}: Queued. Waits for a free place; 2 of 2 run (jobs "
    assert text.startswith(f"{waits}{jobs[0]} and {jobs[1]}, since ")
    running = f"Job {jobs[0]} on {CLUSTER}: Running. It runs: "
    told = eventually(
        lambda: (
            text
            if " MiB of memory" in (text := why(notebook, str(jobs[0]))["text/plain"])
            else None
        )
    )
    assert told.startswith(running)
    notebook.good(f"%cancel {jobs[0]} {jobs[1]} {last}")
    assert why(notebook)["text/plain"].startswith(f"Job {last} on {CLUSTER}: Cancelled. ")


def test_without_a_job_it_says_what_to_write(notebook: Notebook) -> None:
    assert "%why 9" in notebook.fails("%why", BadOptions)
    assert "is not a job number" in notebook.fails("%why training", BadOptions)
