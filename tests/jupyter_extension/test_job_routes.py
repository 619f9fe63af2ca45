"""The sidebar's jobs: a real Jupyter server over a real training engine."""

import nbformat
import pytest

from tests.jupyter_extension.running_jupyter import RunningJupyter
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine

PLOT = """
from IPython.display import HTML, display
print("before")
display(HTML("<b>a table</b>"))
print("after, rmse=5.25")
"""


@pytest.fixture(scope="module")
def jobs(engine: RunningEngine) -> dict[str, int]:
    """Jobs by name: two that went well with other params, and one that failed."""
    found = {}
    for name, code, depth in [
        ("deep", "print(f'rmse={10 - depth}')", 6),
        ("flat", "print(f'rmse={10 - depth}')", 1),
        ("broken", "rides = 3\nraise ValueError('no rides')", 1),
    ]:
        found[name] = engine.submit(
            code, name=name, user="ada", params={"depth": depth}, origin={"notebook": "Täxi.ipynb"}
        )["id"]
        engine.wait(found[name])
    return found


def listed(server: RunningJupyter, query: str) -> list[str]:
    page = server.get(f"jobs?{query}")
    return [job["name"] for job in page["jobs"] if job["user"] == "ada"]


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["broken", "flat", "deep"]),
        ("limit=1", ["broken"]),
        ("user=ada&status=Finished", ["flat", "deep"]),
        ("user=bob", []),
        ("q=DEPTH%3D6", ["deep"]),
        ("q=t%C3%84xi&status=Failed", ["broken"]),
        (f"q=flat&cluster={CLUSTER}", ["flat"]),
        ("q=nothing+has+this", []),
    ],
)
def test_jobs_are_listed_newest_first_and_chosen_by_filters(
    server: RunningJupyter, query: str, names: list[str]
) -> None:
    assert listed(server, query) == names


@pytest.mark.usefixtures("jobs")
def test_pages_follow_one_another_until_there_is_no_next(server: RunningJupyter) -> None:
    whole = [job["id"] for job in server.get("jobs?limit=1000")["jobs"]]
    found, before = [], ""
    while before is not None:
        page = server.get(f"jobs?limit=2&before={before}")
        assert 1 <= len(page["jobs"]) <= 2
        found += [job["id"] for job in page["jobs"]]
        before = page["next"]
    assert found == whole


def test_a_cluster_that_is_down_is_a_trouble_of_the_page(server: RunningJupyter) -> None:
    page = server.get("jobs")
    assert list(page["troubles"]) == ["down"]
    assert "does not answer" in page["troubles"]["down"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("limit=0", "1 to 1,000"),
        ("limit=1001", "1 to 1,000"),
        ("limit=٣", "1 to 1,000"),
        ("limit=" + "9" * 400, "1 to 1,000"),
        ("status=Sleeping", "Finished"),
        ("before=nonsense", "before"),
        ("before=eyJhIjotMX0", "before"),
        ("colour=red", "'colour'"),
        ("q=" + "x" * 201, "200"),
    ],
)
def test_a_wrong_query_is_told_with_its_limits(
    server: RunningJupyter, query: str, told: str
) -> None:
    answer = server.ask("GET", f"jobs?{query}")
    assert answer.status_code == 422
    assert told in answer.json()["error"]["message"]


def test_a_job_is_shown_cancelled_and_run_again(
    server: RunningJupyter, engine: RunningEngine
) -> None:
    job = engine.submit("import time; time.sleep(600)", params={"depth": 3})["id"]
    assert server.get(f"jobs/{CLUSTER}/{job}")["id"] == job
    assert server.ask("POST", f"jobs/{CLUSTER}/{job}/cancel").status_code == 200
    assert engine.wait(job)["status"] == "Cancelled"
    wanted = {"params": {"depth": 4}, "name": "again", "key": "once-only"}
    answers = [server.ask("POST", f"jobs/{CLUSTER}/{job}/rerun", json=wanted) for _ in "12"]
    assert [answer.status_code for answer in answers] == [201, 201]
    new, same = (answer.json() for answer in answers)
    assert new["id"] == same["id"] != job
    assert (new["rerun_of"], new["params"], new["name"]) == (job, {"depth": 4}, "again")
    server.ask("POST", f"jobs/{CLUSTER}/{new['id']}/cancel")
    engine.wait(new["id"])


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"{", 422, "RerunRequest"),
        (b"[]", 422, "RerunRequest"),
        (b'{"parms": {}}', 422, "parms"),
        (b'{"name": "\xff"}', 422, "RerunRequest"),
        (b"[" * 100_000, 422, "RerunRequest"),
        (b" " * (1024 * 1024 + 1), 413, "1,048,576"),
        (b'{"params": {"height": 1}}', 422, "height"),
    ],
)
def test_a_wrong_body_is_one_clear_sentence(
    server: RunningJupyter, jobs: dict[str, int], body: bytes, status: int, told: str
) -> None:
    answer = server.ask("POST", f"jobs/{CLUSTER}/{jobs['deep']}/rerun", data=body)
    assert answer.status_code == status
    message = answer.json()["error"]["message"]
    assert told in message
    assert "\n" not in message


def test_a_failure_is_there_where_an_exception_ended_the_job(
    server: RunningJupyter, jobs: dict[str, int]
) -> None:
    failure = server.get(f"jobs/{CLUSTER}/{jobs['broken']}/failure")
    assert (failure["kind"], failure["message"]) == ("ValueError", "no rides")
    answer = server.ask("GET", f"jobs/{CLUSTER}/{jobs['deep']}/failure")
    assert answer.status_code == 404
    assert "Finished" in answer.json()["error"]["message"]


def test_curves_are_those_of_the_log(server: RunningJupyter, engine: RunningEngine) -> None:
    job = engine.submit("for n in (1, 2): print(f'epoch {n}/2 rmse={9 - n}')")["id"]
    engine.wait(job)
    curves = server.get(f"jobs/{CLUSTER}/{job}/curves")
    assert curves["metrics"] == {"rmse": [{"number": n, "at": n, "value": 9 - n} for n in (1, 2)]}
    assert server.ask("GET", f"jobs/{CLUSTER}/{job + 999}/curves").status_code == 404
    assert server.ask("GET", f"jobs/{CLUSTER}/{job}/curves?n=1").status_code == 422


def test_a_log_is_downloaded_as_it_is_now(server: RunningJupyter, engine: RunningEngine) -> None:
    code = "import time\nprint('x' * 3_000_000, flush=True)\ntime.sleep(600)"
    job = engine.submit(code)["id"]
    eventually(lambda: engine.get(f"/jobs/{job}")["log_size"] > 3_000_000)
    answer = server.ask("GET", f"jobs/{CLUSTER}/{job}/log?download=1")
    assert answer.text == "x" * 3_000_000 + "\n"
    assert f"{CLUSTER}-{job}.log" in answer.headers["Content-Disposition"]
    for query in ("download=2", "download=1&follow=1", "download=1&offset=5"):
        assert server.ask("GET", f"jobs/{CLUSTER}/{job}/log?{query}").status_code == 422
    engine.call("POST", f"/jobs/{job}/cancel")


def test_code_and_outputs_are_shown(server: RunningJupyter, engine: RunningEngine) -> None:
    job = engine.submit(PLOT)["id"]
    engine.wait(job)
    assert server.get(f"jobs/{CLUSTER}/{job}/code")["code"] == PLOT
    found = server.get(f"jobs/{CLUSTER}/{job}/outputs")
    (entry,) = found["outputs"]
    assert entry["output"]["data"]["text/html"] == "<b>a table</b>"
    assert server.get(f"jobs/{CLUSTER}/{job}/outputs?after={found['next']}")["outputs"] == []


def test_a_job_is_downloaded_as_a_notebook(server: RunningJupyter, engine: RunningEngine) -> None:
    job = engine.submit(PLOT, name="plöt it", params={"depth": 6}, user="ada")["id"]
    engine.wait(job)
    answer = server.ask("GET", f"jobs/{CLUSTER}/{job}/notebook")
    assert answer.headers["Content-Type"] == "application/x-ipynb+json"
    assert "attachment" in answer.headers["Content-Disposition"]
    notebook = nbformat.reads(answer.text, as_version=4)
    nbformat.validate(notebook)
    told, cell = notebook.cells
    assert f"# Job {CLUSTER}/{job}: plöt it" in told.source
    assert "- Param depth: `6`" in told.source
    first, _, code = cell.source.partition("\n")
    assert first == "%%trainingengineinstance --name 'plöt it' --param depth=6"
    assert code == PLOT
    assert [output.output_type for output in cell.outputs] == ["stream", "display_data", "stream"]
    assert [o.get("text") for o in cell.outputs] == ["before\n", None, "after, rmse=5.25\n"]
    assert cell.metadata["kd_magics"]["job"] == job


def test_jobs_are_compared(server: RunningJupyter, jobs: dict[str, int]) -> None:
    query = "&".join(f"job={CLUSTER}/{jobs[name]}" for name in ("flat", "deep"))
    found = server.get(f"comparison?{query}")
    assert [row["id"] for row in found["jobs"]] == [jobs["flat"], jobs["deep"]]
    assert (found["params"], found["metrics"]) == (["depth"], ["rmse"])
    assert found["best"] == {"rmse": 4.0}


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("", 422, "1 to 100"),
        ("job=9", 422, "CLUSTER/9"),
        (f"job={CLUSTER}/999999", 404, "999999"),
        ("job=nowhere/1", 404, "nowhere"),
        ("job=down/1", 503, "down"),
        ("&".join(f"job={CLUSTER}/{n}" for n in range(1, 102)), 422, "101 jobs"),
    ],
)
def test_what_cannot_be_compared_is_named(
    server: RunningJupyter, query: str, status: int, told: str
) -> None:
    answer = server.ask("GET", f"comparison?{query}")
    assert answer.status_code == status
    assert told in answer.json()["error"]["message"]
