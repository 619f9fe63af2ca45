"""Whatever an object's own code does when it is shown: the job goes on, as a cell does."""

import pytest

from tests.kd_engines.training.job.test_display import shown
from tests.kd_engines.training.running_engine import RunningEngine

RAISES = "raise ValueError('no form')"
ODD = {
    "repr": f"def __repr__(self): {RAISES}",
    "repr that is no text": "def __repr__(self): return 5",
    "html": f"def _repr_html_(self): {RAISES}",
    "bundle": f"def _repr_mimebundle_(self, include, exclude): {RAISES}",
    "bundle that is none": "def _repr_mimebundle_(self, include, exclude): return 7",
    "shows itself": f"def _ipython_display_(self): {RAISES}",
    "attributes": f"def __getattr__(self, name): {RAISES}",
    "every attribute": "def __getattr__(self, name): return lambda *_, **__: 1 / 0",
    "text of json": "def _repr_json_(self): return {'a': Odd()}\n    def __str__(self): 1 / 0",
    "endless json": "def _repr_json_(self):\n        a = []\n        a.append(a)\n        return a",
    "half a pair": "def _repr_html_(self): return '\\ud83d'\n    __repr__ = _repr_html_",
    "recursion": "def __repr__(self): return repr(self)",
}


@pytest.mark.parametrize("odd", ODD)
def test_an_object_that_cannot_be_shown_ends_nothing(engine: RunningEngine, odd: str) -> None:
    code = f"class Odd:\n    {ODD[odd]}\n"
    code += "display(Odd())\ndisplay(Odd(), display_id='a')\nprint('goes on')\nscore = 5\nOdd()"
    job, log = engine.run(code, outputs=["score"])
    assert job["status"] == "Finished", log
    assert "\ngoes on\n" in f"\n{log}"
    assert engine.get(f"/jobs/{job['id']}/values")["missing"] == {}
    assert engine.get(f"/jobs/{job['id']}/outputs")["outputs"] is not None


def test_what_failed_is_told_and_the_other_forms_are_shown(engine: RunningEngine) -> None:
    code = (
        f"class Odd:\n    def _repr_html_(self): {RAISES}\n"
        "    def _repr_markdown_(self): return '**odd**'\n"
        "    def __repr__(self): return 'odd'\nOdd()"
    )
    [output], log = shown(engine, code)
    assert output["output"]["data"] == {"text/markdown": "**odd**", "text/plain": "odd"}
    assert (
        "ValueError: no form\nThe Odd is not shown as it would be: its _repr_html_ failed." in log
    )
    assert "mime_bundles" not in log  # the frames are the object's own


@pytest.mark.slow
def test_a_figure_that_cannot_be_drawn_hides_no_other(engine: RunningEngine) -> None:
    code = (
        "import matplotlib.pyplot as plt\nplt.figure(); plt.title('$\\\\frac{$')\n"
        "plt.figure(); plt.plot([1, 2])\nprint('goes on')"
    )
    [output], log = shown(engine, code)
    assert "image/png" in output["output"]["data"]
    assert "its savefig failed" in log


def test_an_exception_whose_text_fails_is_told_once(engine: RunningEngine) -> None:
    code = "class Odd(Exception):\n    def __str__(self): return self.missing\nraise Odd"
    job, log = engine.run(code)
    assert job["status"] == "Failed"
    assert log.count("Traceback") == 1
    [error] = [o["output"] for o in engine.get(f"/jobs/{job['id']}/outputs")["outputs"]]
    assert (error["ename"], error["output_type"]) == ("Odd", "error")
    assert error["evalue"] == "its text cannot be shown (AttributeError)"


def test_an_output_that_cannot_be_kept_ends_nothing(engine: RunningEngine) -> None:
    code = (
        "import os, resource, sys\nsys.stdout.flush()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "display({'text/html': 'x' * 10_000}, raw=True)\n"
        "display({'text/html': 'fits'}, raw=True)\nprint('goes on')"
    )
    outputs, log = shown(engine, code)
    assert [o["output"]["data"] for o in outputs] == [{"text/html": "fits"}]
    assert "could not be kept" in log
    assert log.endswith("goes on\n")
