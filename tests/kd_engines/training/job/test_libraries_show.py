"""Libraries show in a job what they show in a notebook; widgets and bars are text in its log."""

from typing import Any

import pytest

from tests.kd_engines.training.job.test_display import shown
from tests.kd_engines.training.running_engine import RunningEngine

pytestmark = pytest.mark.slow


def data(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [output["output"]["data"] for output in outputs]


def test_a_handle_changes_what_is_shown(engine: RunningEngine) -> None:
    code = (
        "from IPython.display import HTML, DisplayHandle, display, update_display\n"
        "handle = display(HTML('<b>0</b>'), display_id=True)\n"
        "for step in range(1, 3):\n    handle.update(HTML(f'<b>{step}</b>'))\n"
        "display('text', display_id='a')\nupdate_display('new text', display_id='a')\n"
        "own = DisplayHandle()\nown.display(HTML('own'))\nown.update(HTML('newer'))\n"
        "print(repr(handle)[:26])"
    )
    outputs, log = shown(engine, code)
    ids = [output["display_id"] for output in outputs]
    assert len(set(ids)) == 3
    assert ids[0] == ids[1] == ids[2]
    assert ids[3] == ids[4] == "a"
    assert [next(iter(d.values())) for d in data(outputs)] == [
        *("<b>0</b>", "<b>1</b>", "<b>2</b>", "'text'", "'new text'", "own", "newer")
    ]
    assert log == "<DisplayHandle display_id=\n"


def test_the_builtin_display_returns_a_handle_only_where_one_is_wanted(
    engine: RunningEngine,
) -> None:
    code = (
        "print(display('x'), type(display('y', display_id='b')).__name__)\n"
        "import sys\nprint('IPython' in sys.modules)"
    )
    outputs, log = shown(engine, code)
    assert log == "'x'\nNone DisplayHandle\nFalse\n"
    assert data(outputs) == [{"text/plain": "'y'"}]


def test_a_published_bundle_is_shown(engine: RunningEngine) -> None:
    code = (
        "from IPython.display import publish_display_data, Image\n"
        "publish_display_data({'text/html': '<b>x</b>', 'text/plain': 'x'})\n"
        "publish_display_data(data={'text/plain': 'text'}, metadata={})\n"
        "Image(data=b'\\x89PNG\\r\\n\\x1a\\n', width=50)"
    )
    outputs, log = shown(engine, code)
    assert data(outputs)[0] == {"text/html": "<b>x</b>", "text/plain": "x"}
    assert outputs[1]["output"]["metadata"] == {"image/png": {"width": 50}}
    assert log == "text\n"


def test_plotly_figures_are_shown(engine: RunningEngine) -> None:
    code = (
        "import plotly.graph_objects as go\nfigure = go.Figure(go.Scatter(y=[1, 2, 3]))\n"
        "figure.show()\nfigure"
    )
    outputs, log = shown(engine, code)
    assert log == ""
    pages = [next(d["text/html"] for d in data(outputs)[n:] if "Plotly" in str(d)) for n in (0, -1)]
    assert all("Plotly.newPlot" in page or "plotly" in page for page in pages)
    assert sum("newPlot" in d.get("text/html", "") for d in data(outputs)) == 2


def test_bokeh_plots_are_shown(engine: RunningEngine) -> None:
    code = (
        "from bokeh.plotting import figure, output_notebook, show\noutput_notebook()\n"
        "plot = figure()\nplot.line([1, 2], [3, 4])\nshow(plot)"
    )
    outputs, log = shown(engine, code)
    assert log == ""
    kinds = {mime for d in data(outputs) for mime in d}
    assert "application/vnd.bokehjs_exec.v0+json" in kinds
    assert any("root_id" in str(d) for d in data(outputs))


def test_holoviews_elements_are_shown(engine: RunningEngine) -> None:
    code = (
        "import holoviews as hv\nhv.extension('bokeh')\ndisplay(hv.Curve([1, 2, 3]))\n"
        "hv.extension('matplotlib')\nhv.Curve([1, 2, 3])"
    )
    outputs, _ = shown(engine, code)
    page, image = data(outputs)
    assert "<iframe sandbox" in page["text/html"]
    assert "Bokeh" in page["text/html"]
    assert image["image/png"].startswith("iVBOR")


def test_rich_tables_are_shown(engine: RunningEngine) -> None:
    code = (
        "from rich.console import Console\nfrom rich.table import Table\n"
        "table = Table('model', 'rmse')\ntable.add_row('taxi', '3.1')\n"
        "Console(force_jupyter=True, width=60).print(table)\ntable"
    )
    outputs, _ = shown(engine, code)
    for found in data(outputs):
        assert "taxi" in found["text/html"]


def test_bars_and_widgets_are_text_with_progress(engine: RunningEngine) -> None:
    code = (
        "import time\nfrom tqdm.notebook import tqdm, trange\nfrom tqdm.auto import tqdm as auto\n"
        "for _ in tqdm(range(3), desc='rides', display=True): pass\n"
        "for _ in trange(2, desc='zones', leave=True): pass\n"
        "for _ in auto(range(4), desc='auto'): pass\n"
        "from ipywidgets import HBox, HTML, IntProgress, Label\n"
        "bar = IntProgress(max=5, description='trees')\ndisplay(HBox([Label('fit'), bar]))\n"
        "time.sleep(0.2); bar.value = 2\nbar.value = 5\n"
        "display(HTML('<b>best</b> 3.1'))\nIntProgress(value=1, max=2)"
    )
    outputs, log = shown(engine, code)
    assert outputs == []
    for found in ("rides: 100%|", "zones: 100%|", "auto: 100%|", "fit trees   0%|", "trees  40%|"):
        assert found in log
    assert "fit trees 100%|##########| 5/5 [00:00<?, ?it/s]\nbest 3.1\n" in log
    assert log.endswith(" 50%|#####     | 1/2 [00:00<?, ?it/s]")
