"""%attachments: the contract's table, beside it HTML, and sentences where there is little."""

from tests.kd_magics.running_notebook import Notebook

AT = [("http://127.0.0.1:9", "5b1c" * 8)]
CONTRACT = """\
Training Cluster        ML Engine
----------------------  ---------
trainingengineinstance  python
"""


def plain(notebook: Notebook) -> str:
    outputs = notebook.good("%attachments").outputs
    assert len(outputs) == 1  # text and HTML are one output
    assert "<table>" in outputs[0]["text/html"]
    return str(outputs[0]["text/plain"])


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
    assert "Deployment Cluster\n--------------------------\ndeployment-engine-instance" in text
    assert text.count("deployment-engine-instance") == 1


def test_a_cluster_without_a_short_name_says_what_to_type(empty_notebook: Notebook) -> None:
    empty_notebook.attach({"ba-sh": AT, "a-bc": AT, "ab-c": AT})
    text = plain(empty_notebook)
    for words in ("type %%ba-sh instead", "type %%a-bc instead", "type %%ab-c instead"):
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
