"""What a job shows comes back as nbformat outputs."""

import base64
from typing import Any

import nbformat
import pytest

from tests.kd_engines.training.running_engine import RunningEngine


def shown(engine: RunningEngine, code: str) -> tuple[list[dict[str, Any]], str]:
    """Run code; return its outputs, which must be valid nbformat, and its log."""
    job, log = engine.run(code)
    assert job["status"] == "Finished", log
    found = engine.get(f"/jobs/{job['id']}/outputs")["outputs"]
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.from_dict(o["output"]) for o in found])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
    return found, log


def test_objects_that_show_themselves_are_outputs_and_text_is_log(engine: RunningEngine) -> None:
    code = (
        "class Table:\n"
        "    def _repr_html_(self): return '<table></table>'\n"
        "    def _repr_png_(self): raise RuntimeError\n"
        "    def __repr__(self): return 'table'\n"
        "display(Table(), 'plain')\n"
        "display({'text/html': '<i>raw</i>'}, raw=True)\n"
        "Table"
    )
    found, log = shown(engine, code)
    assert [o["output"]["data"] for o in found] == [
        {"text/html": "<table></table>", "text/plain": "table"},
        {"text/html": "<i>raw</i>"},
    ]
    failed, plain, rest = log.partition("'plain'\n")
    assert "its _repr_png_ failed" in failed
    assert [o["offset"] for o in found] == [len(failed), len(failed + plain)]
    assert rest == "<class '__main__.Table'>\n"


@pytest.mark.slow
def test_figures_come_back_when_shown_and_at_the_end(engine: RunningEngine) -> None:
    code = (
        "import matplotlib.pyplot as plt\n"
        "plt.plot([1, 2])\n"
        "plt.show()\n"
        "print('between')\n"
        "fig, ax = plt.subplots()\n"
        "ax.plot([2, 1]);"
    )
    found, log = shown(engine, code)
    assert log == "between\n"
    assert [o["offset"] for o in found] == [0, len("between\n")]
    for output in found:
        png = base64.b64decode(output["output"]["data"]["image/png"])
        assert png.startswith(b"\x89PNG")


@pytest.mark.slow
def test_figures_are_there_when_the_code_raises_after_them(engine: RunningEngine) -> None:
    job, _ = engine.run("import matplotlib.pyplot as plt\nplt.plot([1])\n1/0")
    kinds = [
        o["output"]["output_type"] for o in engine.get(f"/jobs/{job['id']}/outputs")["outputs"]
    ]
    assert kinds == ["display_data", "error"]


@pytest.mark.slow
def test_a_data_frame_and_ipythons_display_come_back(engine: RunningEngine) -> None:
    code = (
        "import pandas as pd\n"
        "from IPython.display import HTML, display\n"
        "display(HTML('<b>x</b>'))\n"
        "pd.DataFrame({'a': [1]})"
    )
    found, _ = shown(engine, code)
    assert found[0]["output"]["data"]["text/html"] == "<b>x</b>"
    assert "<table" in found[1]["output"]["data"]["text/html"]
    assert found[1]["output"]["output_type"] == "execute_result"


def test_an_output_over_the_limit_is_left_out_with_a_sentence(engine: RunningEngine) -> None:
    code = "class Big:\n    def _repr_html_(self): return 'x' * 9_000_000\nBig()"
    found, log = shown(engine, code)
    assert found == []
    assert "8,388,608 are the limit" in log


def test_what_json_does_not_have_is_null_or_text(engine: RunningEngine) -> None:
    code = (
        "import math\n"
        "class Report:\n"
        "    def _repr_json_(self): return {'loss': math.nan, 'n': [1, math.inf], math.nan: 1}\n"
        "display({'application/json': {'v': -math.inf, 't': '\\ud83d'}}, raw=True)\n"
        "Report()"
    )
    found, _ = shown(engine, code)
    first, second = (o["output"]["data"]["application/json"] for o in found)
    assert first == {"v": None, "t": "?"}
    assert second == {"loss": None, "n": [1, None], "None": 1}


def test_a_damaged_line_costs_that_output_only(engine: RunningEngine) -> None:
    code = "display({'text/html': 'a'}, raw=True)\ndisplay({'text/html': 'b'}, raw=True)"
    job, _ = engine.run(code)
    path = engine.job_folder(job["id"]) / "outputs.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    torn = b'{"offset": 7, "output": {"output_type": "display_data", "da'
    for damage in (torn + second, b'{"offset": 7, "output": {"a": NaN}}\n', b"\xe9\r\n", b"\n"):
        path.write_bytes(first + damage + second)
        outputs = engine.get(f"/jobs/{job['id']}/outputs")
        assert [o["output"]["output_type"] for o in outputs["outputs"]] == [
            *("display_data", "stream", "display_data")
        ]
        assert outputs["outputs"][1]["offset"] in (7, 0)
        assert "is damaged" in outputs["outputs"][1]["output"]["text"]
        assert outputs["next"] == path.stat().st_size
        rest = engine.get(f"/jobs/{job['id']}/outputs?after={len(first + damage)}")
        assert [o["output"]["data"] for o in rest["outputs"]] == [{"text/html": "b"}]
