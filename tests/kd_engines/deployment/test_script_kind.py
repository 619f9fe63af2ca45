"""Which kind of script one is, and the words for what is neither."""

import ast
from pathlib import Path

import pytest

from kd_engines.deployment.worker.script_kind import NoScoringScript, kind_of
from tests.kd_engines.deployment.running_deployment import RunningDeployment

TWO = "def predict(model, args):\n    return 1\n"
GUARD = "if __name__ == '__main__':\n    "


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (TWO, "function"),
        ("def predict_batch(model, rows, extra=1): return rows", "function"),
        ("def predict(*args): return 1", "function"),
        (f"import warnings\nwarnings.filterwarnings('ignore')\n{TWO}", "function"),
        (f"import sys, os\nsys.path.append(os.path.dirname(sys.argv[0]))\n{TWO}", "function"),
        (f"{TWO}{GUARD}print(predict(None, {{}}))", "function"),
        (f"import argparse\n{TWO}", "function"),  # it runs nothing
        (f"import sys, json\n{TWO}{GUARD}print(predict(0, json.loads(sys.argv[1])))", "script"),
        (f"import argparse\n{TWO}argparse.ArgumentParser().parse_args()", "script"),
        (f"from sys import argv\n{TWO}print(argv)", "script"),
        ("def predict(ride):\n    return 1\nif __name__ == '__main__':\n    print(1)", "script"),
        ("def predict(*, a, b): return 1\nprint(1)", "script"),
        ("print(42)", "script"),
        ("def main():\n    print(42)\nresult = main()", "script"),
        ("class Net:\n    pass\nfor i in range(3):\n    Net()", "script"),
        ("import neighbour", "script"),
        (f"import warnings\nfrom absl import logging\nwarnings.warn('x')\n{TWO}", "function"),
        (f"import argparse\nTYPE = argparse.Namespace()\nprint(1)\n{TWO}", "function"),
        (f"import argparse\nargparse.ArgumentParser().parse_args()\n{TWO}", "script"),
        (f"import click\n@click.command()\ndef main(): ...\n{TWO}main()", "script"),
        (f"from fire import Fire\n{TWO}Fire(predict)", "script"),
        (f"import neighbour\n{TWO}print(predict(0, neighbour.row()))", "script"),
        (f"import neighbour\n{TWO}{GUARD}print(predict(0, 1))", "function"),
        ("import sys\nclass App:\n    def predict(self): print(1)\napp = App(sys.argv)", "script"),
        ("from neighbour import predict\npredict()", "script"),
        ("import json, sys\nclass M:\n    def predict(s): ...\njson.dump(1, sys.stdout)", "script"),
        ("import sys\nn = sys.stdout.write('1')", "script"),
        ("def predict(ride): return 1\nfrom neighbour import out\nout(predict(1))", "script"),
        ("import sys\nride = sys.argv[1]\npredict = 3", "script"),
    ],
)
def test_a_script_s_kind(tmp_path: Path, source: str, kind: str) -> None:
    (tmp_path / "neighbour.py").write_text("print(1)")
    assert kind_of(ast.parse(source), tmp_path) == kind


@pytest.mark.parametrize(
    ("source", "instead"),
    [
        ("def load(p): return 1\nasync def predict(model, args): return 1", "async def predict"),
        ("class Model:\n    def predict(self, rows): return [1]", "predict inside class Model"),
        ("try:\n    import x\n    def predict(m, a): ...\nexcept E: pass", "predict inside try"),
        (f"{GUARD}def predict(model, args): ...", "predict inside if (line 1)"),
        ("predict = lambda model, args: 1", "a lambda predict (line 1)"),
        ("from neighbour import predict", "an imported predict (line 1)"),
        ("def predict(args): return 1", "predict with 1 argument (line 1)"),
        ("def predict(a, b, c): return 1", "predict with 3 arguments (line 1)"),
        ("def load(path): return 1\ndef score(model, args): return 1", "load (line 1), score"),
        ("import logging\nLOG = logging.getLogger()\nasync def predict(m, a): ...", "async def"),
        ("x = 1", "It runs nothing either"),
        ("", "It runs nothing either"),
    ],
)
def test_what_is_neither_is_refused_with_what_it_has_instead(
    tmp_path: Path, source: str, instead: str
) -> None:
    with pytest.raises(NoScoringScript) as refused:
        kind_of(ast.parse(source), tmp_path)
    assert str(refused.value).startswith("No plain function predict(model, args)")
    assert instead in str(refused.value)


def test_an_engine_says_so_when_it_loads(engine: RunningDeployment) -> None:
    engine.connect("async", "1", "async def predict(model, args):\n    return 1")
    assert engine.wait("async/1", "Failed")["reason"] == (
        "No plain function predict(model, args) or predict_batch(model, rows) stands at the top "
        "level of the script. It has async def predict (line 1) instead."
    )


@pytest.mark.parametrize(
    ("name", "source", "output"),
    [
        ("bom", b"\xef\xbb\xbfimport json, sys\nprint(json.loads(sys.argv[1])['a'])", "3"),
        (
            "latin",
            b"# coding: latin-1\nimport sys\nprint('dur\xe9e', len(sys.argv))",
            "durée 2",
        ),
        ("crlf", b"import sys\r\nprint(1)\r\n", "1"),
        ("bom-function", b"\xef\xbb\xbfdef predict(model, args): return args['a']", "3"),
        ("cp", b"# -*- coding: cp1252 -*-\ndef predict(m, args): return '\x80'", "€"),
    ],
)
def test_a_script_is_decoded_as_python_does(
    engine: RunningDeployment, name: str, source: bytes, output: str
) -> None:
    label = engine.serve(name, "1", source)
    assert engine.ask(label, {"a": 3}).json()["output"].strip() == output
