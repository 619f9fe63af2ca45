"""A param is in the job what it was in the notebook."""

from kd_magics.errors import BadOptions
from kd_pipeline.errors import InvalidInput
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance "


def test_params_arrive_as_they_were_meant(notebook: Notebook) -> None:
    options = (
        "--param on=False --param none=None --param lr=.1 --param tiny=1e-3 --param gap=nan "
        "--param far=-inf --param 'sizes=[1, .5, NaN]' --param name=big --param n={{count}}"
    )
    code = "print([on, none, lr * 2, tiny, gap, far, sizes, name, n])"
    notebook.shell.user_ns["count"] = 3
    shown = notebook.good(f"{CELL}--wait {options.format()}\n{code}")
    assert "[False, None, 0.2, 0.001, nan, -inf, [1, 0.5, nan], 'big', 3]\n" in shown.text


def test_a_grid_of_truth_values(notebook: Notebook) -> None:
    code = 'print("shuffled" if shuffle else "in order", type(shuffle).__name__)'
    notebook.good(f"{CELL}--grid shuffle=True,False --wait\n{code}")
    logs = sorted(job.log() for job in notebook.shell.user_ns["_jobs"])
    assert logs == ["in order bool\n", "shuffled bool\n"]


def test_a_dry_run_shows_the_values_as_python_writes_them(notebook: Notebook) -> None:
    shown = notebook.good(f"{CELL}--dry-run --param a=True --param b='x' --param c=nan\nprint(a)")
    assert "Params: a=True, b='x', c=nan" in shown.text


def test_what_would_lose_its_quotes_is_refused(notebook: Notebook) -> None:
    told = notebook.fails(f"{CELL}--param lr={{a:1}}\nprint(lr)", BadOptions)
    assert "is neither JSON nor a Python literal; put '…' around the whole option" in told


def test_json_needs_no_quotes_around_it(notebook: Notebook) -> None:
    for option in (
        '--param lr={"a": [1, 2]}',
        "--param 'lr={\"a\": [1, 2]}'",
        '--param=lr={"a":[1,2]}',
    ):
        shown = notebook.good(f"{CELL}--wait {option}\nprint(lr)")
        assert "{'a': [1, 2]}\n" in shown.text, option


def test_a_rerun_does_not_make_nan_null(notebook: Notebook) -> None:
    notebook.good(f"{CELL}--wait --param lr=0.5\nprint(lr)")
    told = notebook.fails("%rerun --param lr=nan", InvalidInput)
    assert "lr is nan, which cannot replace a param of a job that is run again" in told
    job = notebook.good(f"{CELL}--wait --param lr=nan\nprint(lr)")
    again = notebook.good("%rerun --wait")
    assert "nan\n" in job.text
    assert "nan\n" in again.text


def test_a_cell_has_a_file_as_in_2020(notebook: Notebook) -> None:
    shown = notebook.good(f"# above\n{CELL}--wait\nprint(open(__file__).read().splitlines()[-1])")
    assert "print(open(__file__).read().splitlines()[-1])\n" in shown.text
