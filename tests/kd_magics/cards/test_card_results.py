"""What a plain cell's job has shown stands below its card once it has ended."""

import signal
from typing import Any

from kd_client.jobs.saved_reference import MIME_OF_OUTPUT
from kd_magics.cards import card_results
from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_magics.cards.test_card import CELL, HTML, card, displays, shows
from tests.kd_magics.running_kernel import RunningKernel

PLOT = """import matplotlib.pyplot as plt
import pandas
print("in the log")
plt.plot([1, 4, 2])
plt.show()
rides = pandas.DataFrame({"borough": ["Queens"], "miles": [1.5]})
display(rides)
print("rows:", end=" ")
len(rides)
"""
FORMS = """from IPython.display import HTML
for n in range(10):
    display(HTML(f"<i>{n}</i>"))
"""


def results(kernel: RunningKernel, request: str) -> list[dict[str, Any]]:
    """Return what the places below the card show now."""
    places = list(displays(kernel, request).values())[-card_results.MOST :]
    return [states[-1][1] for states in places]


def run(kernel: RunningKernel, code: str, status: str = "Finished") -> list[dict[str, Any]]:
    """Run a cell, and return what stands below its card when its job has ended."""
    request = kernel.send(CELL + code)
    kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, request, status), 60)
    return results(kernel, request)


def test_a_plot_a_table_and_the_last_value(kernel: RunningKernel) -> None:
    request = kernel.send(CELL + PLOT)
    kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, request, "Finished"), 60)
    plot, table, *none = results(kernel, request)
    assert "image/png" in plot
    assert "<td>Queens</td>" in table[HTML]
    assert all(MIME_OF_OUTPUT in one for one in (plot, table))
    assert none == [{"text/plain": ""}] * 2
    assert "in the log\nrows: 1" in card(kernel, request)[-1][1][HTML]  # text is in the log


def test_the_last_value_may_be_a_table(kernel: RunningKernel) -> None:
    table, *_ = run(kernel, "import pandas\npandas.DataFrame({'miles': [1.5]})")
    assert "<td>1.5</td>" in table[HTML]


def test_what_was_shown_before_a_failure_is_there_too(kernel: RunningKernel) -> None:
    plot, *_ = run(kernel, PLOT.replace("rides =", "1 / 0\nrides ="), "Failed")
    assert "image/png" in plot


def test_of_many_outputs_the_first_and_the_last_are_shown(kernel: RunningKernel) -> None:
    request = kernel.send(CELL + FORMS)
    kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, request, "6 outputs are not shown here; %logs"))
    assert [one[HTML] for one in results(kernel, request)] == [f"<i>{n}</i>" for n in (0, 1, 2, 9)]


def test_an_engine_that_is_away_at_the_end_is_asked_again(
    kernel: RunningKernel, engine: RunningEngine
) -> None:
    request = kernel.send(CELL + f"import time\ntime.sleep(3)\n{FORMS}")
    kernel.finish(request)
    kernel.read_until(lambda: shows(kernel, request, "Running"))
    engine.stop(signal.SIGKILL)
    kernel.read_until(lambda: shows(kernel, request, "does not answer since"))
    engine.start()
    kernel.read_until(lambda: shows(kernel, request, "Finished"), 60)
    assert results(kernel, request)[0][HTML] == "<i>0</i>"
