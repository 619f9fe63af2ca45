"""Why a job did not end well: one red sentence, and the job's own traceback below it."""

import re
from pathlib import Path

import msgspec
import pytest

from kd_client.jobs.failures import reason_of
from kd_magics.errors import RemoteJobError
from kd_pipeline.hints import Hint
from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance"
WAIT = f"{CELL} --wait"


def failed(notebook: Notebook, cell: str) -> RemoteJobError:
    """Run a cell whose job fails; return the error."""
    shown = notebook.run(cell)
    assert type(shown.error) is RemoteJobError, shown
    assert "/kd_magics/" not in shown.text
    return shown.error


def sentence(error: RemoteJobError) -> str:
    """Return the error's sentence without the job's number and cluster, which it begins with."""
    begin = f"Job {error.job} on {CLUSTER}: {error.status}. "
    assert str(error).startswith(begin)
    return error.in_notebook().removeprefix(begin)


def test_a_traceback_has_the_lines_of_the_cell_the_magic_s_own_being_the_first(
    notebook: Notebook,
) -> None:
    code = "def rate(miles, hours):\n    return miles / hours\n\nprint('begun')\nrate(3, 0)"
    error = failed(notebook, f"{WAIT}\n{code}")
    assert sentence(error) == "ZeroDivisionError: division by zero (line 3)."
    assert error.remote == (
        "Traceback in the job (innermost last):",
        "  line 6",
        "    rate(3, 0)",
        "  line 3, in rate",
        "    return miles / hours",
        "ZeroDivisionError: division by zero",
    )
    assert error.failure
    assert (error.status, error.failure.kind) == ("Failed", "ZeroDivisionError")


@pytest.mark.parametrize("magic", [WAIT, CELL])
def test_what_is_shown_is_the_job_s_traceback_and_one_red_line(
    notebook: Notebook, magic: str
) -> None:
    notebook.run(f"{magic}\n1 / 0")
    shown = notebook.run("%logs -f")
    assert isinstance(shown.error, RemoteJobError)
    number = notebook.shell.user_ns["_job"].id
    [line] = shown.error._render_traceback_()
    assert line == (
        f"\x1b[31mRemoteJobError\x1b[0m: Job {number} on {CLUSTER}: Failed. ZeroDivisionError: "
        "division by zero (line 2)."
    )
    assert ", line 2, in <module>\n    1 / 0" in shown.text.partition("\x1b")[0]


def test_comments_above_the_magic_count_as_lines_of_the_cell(notebook: Notebook) -> None:
    error = failed(notebook, f"# a note\n\n{WAIT}\nx = 1\n1 / 0")
    assert sentence(error).endswith("(line 5).")


def test_of_a_chain_the_last_error_is_told_and_the_log_has_the_whole(notebook: Notebook) -> None:
    code = "try:\n    {}['zone']\nexcept KeyError as e:\n    raise ValueError('no zone') from e"
    error = failed(notebook, f"{WAIT}\n{code}")
    assert sentence(error) == "ValueError: no zone (line 5)."
    log = notebook.good("_job.log()").value
    assert "KeyError: 'zone'" in log
    assert "direct cause" in log


def test_frames_of_libraries_are_one_line(notebook: Notebook) -> None:
    code = "import json\ndef read(text):\n    return json.loads(text)\nread('{bad')"
    error = failed(notebook, f"{WAIT}\n{code}")
    assert "JSONDecodeError: Expecting property name" in sentence(error)
    assert sentence(error).endswith("(line 4).")
    folded = [line for line in error.remote if line.startswith("  … ")]
    assert len(folded) == 1
    assert re.fullmatch(
        r"  … [34] frames of libraries, the last: .*json/decoder\.py, line \d+, in .*", folded[0]
    )
    assert error.remote[-2] == folded[0]


def test_a_file_that_went_with_it_is_shown_by_its_name(
    notebook: Notebook, surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(surroundings)
    (surroundings / "rates.py").write_text("def rate(n):\n    return 1 / n\n")
    error = failed(notebook, f"{WAIT} --files rates.py\nimport rates\nrates.rate(0)")
    assert sentence(error) == "ZeroDivisionError: division by zero (rates.py, line 2)."
    assert "  rates.py, line 2, in rate" in error.remote


def test_a_long_message_is_one_line_of_the_sentence(notebook: Notebook) -> None:
    error = failed(notebook, f"{WAIT}\nraise ValueError('first\\nsecond' + 'x' * 1000)")
    assert sentence(error) == "ValueError: first (line 2)."
    assert any(line.startswith("secondxxx") for line in error.remote)
    error = failed(notebook, f"{WAIT}\nassert 1 > 2")
    assert sentence(error) == "AssertionError (line 2)."


def test_a_killed_process_is_told_by_its_signal_and_the_end_of_its_log(notebook: Notebook) -> None:
    code = "import os, signal\nprint('step 7', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    error = failed(notebook, f"{WAIT}\n{code}")
    assert sentence(error) == (
        'The job\'s process was killed by SIGKILL. Its log ends with "step 7".'
    )
    assert (error.failure, error.remote) == (None, ())


@pytest.mark.parametrize(("seconds", "advice"), [(1.0, "2h"), (5400.0, "3h"), (7201.0, "5h")])
def test_a_job_that_took_too_long_is_advised_more_time_than_it_had(
    notebook: Notebook, seconds: float, advice: str
) -> None:
    notebook.good(f"{CELL}\nprint(1)")
    job = notebook.good("_job.wait()").value
    ended = msgspec.structs.replace(job.last, status="TimedOut", timeout_s=seconds)
    reason = reason_of(job.client, ended, None, [])
    assert reason.hint == Hint("train", ("--timeout", advice), "gives more time")


def test_memory_used_up_tells_how_much_and_what_asks_for_more(notebook: Notebook) -> None:
    code = "import time\nheld = bytearray(b'1') * (150 << 20)\ntime.sleep(60)"
    error = failed(notebook, f"{WAIT} --memory 100MiB\n{code}")
    assert re.fullmatch(
        r"It used 1\d\d MiB of its limit of 100 MiB\. --memory 200MiB asks for more\.",
        sentence(error),
    )
    assert error.status == "OutOfMemory"


@pytest.mark.parametrize(
    ("module", "package"), [("cv2", "opencv-python"), ("not_there.deep", "not_there")]
)
def test_a_missing_module_is_told_with_what_installs_it(
    notebook: Notebook, module: str, package: str
) -> None:
    error = failed(notebook, f"{WAIT} --no-preflight\nimport {module}")
    top = module.partition(".")[0]
    assert sentence(error) == (
        f"ModuleNotFoundError: No module named '{top}' (line 2). "
        f"--requirements {package} installs it for the job."
    )


def test_an_exit_code_is_told_with_the_end_of_the_log(notebook: Notebook) -> None:
    error = failed(notebook, f"{WAIT}\nprint('last words')\nraise SystemExit(3)")
    assert sentence(error) == (
        'The code called sys.exit(3) (line 3). Its log ends with "last words".'
    )
    assert error.failure is None


def test_where_no_failure_was_kept_the_traceback_in_the_log_is_shown(
    notebook: Notebook, engine: RunningEngine
) -> None:
    code = (
        "import os, traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n"
        "    traceback.print_exc()\n    os._exit(1)"
    )
    error = failed(notebook, f"{WAIT}\n{code}")
    assert "exit code 1" in sentence(error)
    assert sentence(error).endswith('Its log ends with "ZeroDivisionError: division by zero".')
    assert error.remote[0] == "Traceback (most recent call last):"
    assert error.remote[-1] == "ZeroDivisionError: division by zero"


def test_a_cancelled_job_tells_who_ended_it(notebook: Notebook, engine: RunningEngine) -> None:
    notebook.good(f"{CELL}\nimport time\ntime.sleep(60)")
    notebook.good("_job.cancel()")
    error = failed(notebook, "%logs -f")
    assert error.status == "Cancelled"
    assert "cancelled" in sentence(error)
    assert error.remote == ()
