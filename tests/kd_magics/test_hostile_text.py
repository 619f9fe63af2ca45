"""What a job prints, raises or is called reaches a terminal without what would act on it."""

import json
from pathlib import Path

import pytest

from kd_pipeline.plain_text import lines
from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_magics.running_command import kd
from tests.kd_magics.running_notebook import Notebook

# A title, clearing, moving up, the same as C1, an override of the letters' order, a link.
HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\x1b[10A\x9b5A\u202eabc\x1b[31mred\x1b[0m\x08\x08"
    "\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\\r!"
)
ACTS = ("\x1b]", "\x07", "\x1b[2J", "\x1b[10A", "\x9b", "\x08", "\r")
CODE = f"""
class Shown:
    def __repr__(self): return {HOSTILE!r}
    def _repr_html_(self): return '<b>x</b>'
print('before', {HOSTILE!r})
display(Shown())
bad = {HOSTILE!r}
def f(x): raise ValueError({HOSTILE!r})
f(bad)
"""


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (HOSTILE, "abcredlink!"),
        ("two\nlines\twith a tab", "two\nlines\twith a tab"),
        ("\x1b[1;31mKeyError\x1b[0m: 'a'", "KeyError: 'a'"),
        ("Taxi 🚕 مرحبا \u200d", "Taxi 🚕 مرحبا \u200d"),
        ("\x1b", ""),
        ("\x1b]0;never ended\nnext", "0;never ended\nnext"),
        ("10\u00a0km, 日本\u3000語", "10\u00a0km, 日本\u3000語"),
        ("a\x9d0;title\x9cb", "ab"),
    ],
)
def test_lines_keep_what_is_text(text: str, plain: str) -> None:
    assert lines(text) == plain


@pytest.mark.slow
def test_a_terminal_is_safe(attached: Path, engine: RunningEngine) -> None:
    (attached / "t.py").write_text(CODE)
    told = {"train": kd("train", str(attached / "t.py"), "--wait")}
    job = engine.get("/jobs?limit=1")["jobs"][0]["id"]
    for name, changes in (
        ("job.json", {"name": HOSTILE, "user": HOSTILE, "params": {"a": HOSTILE}}),
        ("exit.json", {"reason": HOSTILE}),
    ):
        path = engine.job_folder(job) / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    engine.stop()
    engine.start()
    number = str(job)
    for words in (
        *(["jobs"], ["jobs", "--json"], ["jobs", "--compare", number], ["why", number]),
        *(["logs", number], ["logs", number, "--grep", "before"], ["cancel", number]),
        *(["rerun", number, "--wait"], ["attachments"]),
    ):
        told[" ".join(words)] = kd(*words)
    for words, done in told.items():
        shown = done.stdout + done.stderr
        assert shown, words
        assert [act for act in ACTS if act in shown] == [], words
        if not words.startswith(("logs", "train", "rerun")):
            assert "\u202e" not in shown, words  # a log is shown with its letters as they are
    assert "ValueError: abcredlink" in told["train"].stderr


def test_a_notebook_s_red_line_is_one(notebook: Notebook) -> None:
    shown = notebook.run(f"%%trainingengineinstance --wait\nraise ValueError({HOSTILE!r})")
    assert shown.error
    red = "\n".join(shown.error._render_traceback_())
    assert [act for act in ACTS if act in red] == []
    assert "ValueError: abcredlink" in red


def test_a_name_has_no_such_characters(engine: RunningEngine) -> None:
    for name in ("\x9b5A", "a\u202eb", "a\u2066b", "\x1b[2J", "a\u2028b"):
        answer = engine.call("POST", "/jobs", json={"code": "pass", "name": name})
        assert answer.status_code == 422
        assert "no control characters" in answer.json()["error"]["message"]
    assert engine.submit("pass", name="Taxi 🚕 مرحبا")["name"] == "Taxi 🚕 مرحبا"
