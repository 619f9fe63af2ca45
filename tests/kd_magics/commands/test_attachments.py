"""%attachments: the contract's table, then how each cluster is, and sentences where is little."""

import platform
import re
import socket
from collections.abc import Iterator

import pytest

from kd_magics.cluster_words import gpu_words, python_words
from kd_pipeline.messages import Gpu
from tests.kd_client.test_legacy_engine import OldEngine, old_engine  # noqa: F401 - a fixture
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.running_notebook import Notebook

AT = [("http://127.0.0.1:9", "5b1c" * 8)]
CONTRACT = """\
Training Cluster        ML Engine
----------------------  -----------
trainingengineinstance  python
"""


def plain(notebook: Notebook) -> str:
    shown = notebook.good("%attachments")
    assert len(shown.outputs) == 1  # text and HTML are one output
    assert "<table>" in shown.outputs[0]["text/html"]
    return f"{shown.text}\n{shown.outputs[0]['text/plain']}"


def test_the_first_lines_are_the_contracts(empty_notebook: Notebook) -> None:
    empty_notebook.attach({"training-engine-instance": AT})
    text = plain(empty_notebook)
    assert text.startswith(CONTRACT)
    assert "%%trainingengineinstance and %%training-engine-instance are the same." in text


def test_the_table_grows_with_the_names(empty_notebook: Notebook) -> None:
    empty_notebook.attach({"t": AT, "a-" * 20 + "z": AT})
    first, dashes, short, long = plain(empty_notebook).splitlines()[:4]
    assert first.index("ML Engine") == dashes.index(" ") + 2 == short.index("python")
    assert long == "a" * 20 + "z  python"


def test_deployment_clusters_are_shown_after(empty_notebook: Notebook) -> None:
    empty_notebook.attach({"training-engine-instance": AT, "deployment-engine-instance": AT})
    text = plain(empty_notebook)
    assert text.startswith(CONTRACT)
    headers, _, row = text.splitlines()[-3:]
    assert headers.split() == ["Deployment", "Cluster", "State", "Models"]
    assert row.split(maxsplit=1) == ["deployment-engine-instance", "does not answer"]
    assert text.count("deployment-engine-instance") == 1


def test_a_cluster_without_a_short_name_says_what_to_type(empty_notebook: Notebook) -> None:
    empty_notebook.attach({"ba-sh": AT, "a-bc": AT, "ab-c": AT})
    text = plain(empty_notebook)
    for words in ("its name is ba-sh", "its name is a-bc", "its name is ab-c"):
        assert words in text
    assert "\nbash" not in text


def test_it_sees_what_was_attached_a_moment_ago(empty_notebook: Notebook) -> None:
    empty_notebook.attach({"first": AT})
    assert "first" in plain(empty_notebook)
    empty_notebook.attach({"second": AT})
    text = plain(empty_notebook)
    assert "second" in text
    assert "first" not in text


def test_nothing_attached_is_a_sentence(empty_notebook: Notebook) -> None:
    empty_notebook.attach({})
    assert "No cluster is attached to jupyter-notebook." in empty_notebook.good("%attachments").text


def test_no_file_is_a_sentence(empty_notebook: Notebook) -> None:
    text = empty_notebook.good("%attachments").text
    assert "kd up" in text
    assert "configmeta.json" in text


def test_no_name_becomes_markup(empty_notebook: Notebook) -> None:
    empty_notebook.attach({"<b>x</b>": AT})
    outputs = empty_notebook.good("%attachments").outputs
    assert "<b>" not in outputs[0]["text/html"]


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def states(notebook: Notebook) -> dict[str, str]:
    """Return what the second table says of each cluster."""
    lines = plain(notebook).split("\n\n")[1].splitlines()[2:]
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}


def test_each_cluster_has_a_state_whatever_the_others_do(
    empty_notebook: Notebook,
    engine: RunningEngine,
    old_engine: OldEngine,  # noqa: F811
    silent: str,
) -> None:
    empty_notebook.attach(
        {
            CLUSTER: [(engine.url, TOKEN)],
            "down": AT,
            "silent": [(silent, TOKEN)],
            "stranger": [(engine.url, "f00d" * 8)],
            "unborn": [],
            "old": [(old_engine.url, TOKEN)],
        }
    )
    found = states(empty_notebook)
    good = found.pop("trainingengineinstance")
    environment = engine.get("/environment")
    words = ["answers", "0 waiting, 0 of 2 running", environment["python"]]
    assert re.split(" {2,}", good)[:5] == [*words, str(environment["cpus"]), "none"]
    assert found == {
        "down": "does not answer",
        "silent": "does not answer",
        "stranger": "wrong token",
        "unborn": "starting",
        "old": "answers (2020 engine)",
    }


def test_html_has_one_table_of_all(notebook: Notebook) -> None:
    html = notebook.good("%attachments").outputs[0]["text/html"]
    assert html.count("<table>") == 1
    for header in ("Cluster", "State", "Queue", "Free memory"):
        assert f">{header}</th>" in html


def test_a_cluster_that_answered_before_tells_since_when_it_does_not(
    notebook: Notebook, engine: RunningEngine
) -> None:
    assert states(notebook)["trainingengineinstance"].startswith("answers")
    engine.stop()
    try:
        told = states(notebook)["trainingengineinstance"]
    finally:
        engine.start()
    assert told.startswith("does not answer since ")
    assert told.count(":") == 2
    assert states(notebook)["trainingengineinstance"].startswith("answers")


def test_another_python_is_marked_and_equal_gpus_are_counted() -> None:
    here = platform.python_version()
    major, minor, _ = here.split(".")
    assert python_words(f"{major}.{minor}.99") == f"{major}.{minor}.99"
    assert python_words("3.8.1") == f"3.8.1 (here {here})"
    assert gpu_words([Gpu("A100", 80 * 1024**3)] * 2) == "2 x A100 (80 GiB)"
    assert gpu_words([]) == "none"
