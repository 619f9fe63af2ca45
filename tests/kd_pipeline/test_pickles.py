"""Pickles carry what has no other form; what could run code is read with consent only."""

import collections
import contextlib
import decimal
import importlib
import io
import pickle
import platform
import subprocess
import sys
import threading
import types
from datetime import UTC, datetime

import numpy
import pytest

from kd_pipeline import pickles, values
from kd_pipeline.errors import InvalidInput
from kd_pipeline.messages import Value, Values
from kd_pipeline.values import NeedsConsent, decode, encode


class Model:
    """Something that only a pickle can carry."""

    def __init__(self, depth: int) -> None:
        self.depth = depth


class Broken:
    """Something that cannot be made again."""

    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        return int, ("no number",)


def test_a_pickle_needs_to_be_wanted_on_both_sides() -> None:
    with pytest.raises(InvalidInput, match=r"model \(.*Model\) has no JSON or Arrow form"):
        encode(Model(3), name="model")
    sent = encode(Model(3), name="model", allow_pickle=True)
    assert (sent.format, sent.python) == ("pickle", platform.python_version())
    with pytest.raises(InvalidInput, match=r"model is a pickle .* runs code"):
        decode(sent, name="model")
    assert decode(sent, allow_pickle=True).depth == 3
    assert encode([1], allow_pickle=True).format == "json"


@pytest.mark.parametrize("python", ["2.7.18", "3.1.9", "4.0", ""])
def test_a_pickle_of_another_python_is_not_read(python: str) -> None:
    sent = Value("pickle", pickle.dumps(1), "int")
    with pytest.raises(InvalidInput, match="same minor version"):
        decode(sent, allow_pickle=True, python=python)
    same_minor = platform.python_version().rpartition(".")[0] + ".999"
    assert decode(sent, allow_pickle=True, python=same_minor) == 1


def test_what_cannot_be_pickled_or_read_is_told_in_a_sentence() -> None:
    with pytest.raises(InvalidInput, match=r"f .*cannot be pickled"):
        encode(threading.Lock(), name="f", allow_pickle=True)
    gone = Value("pickle", b"cnot_there\nThing\n.", "not_there.Thing", platform.python_version())
    with pytest.raises(InvalidInput, match="No module named 'not_there'"):
        decode(gone, allow_pickle=True)


def test_what_is_defined_in_main_goes_with_its_source() -> None:
    """Whoever reads it has another ``__main__``."""
    code = (
        "import sys\n"
        "from kd_pipeline.values import encode\n"
        "class Scaler:\n"
        "    def __call__(self, miles):\n"
        "        return factor * miles\n"
        "factor = 3\n"
        "sys.stdout.buffer.write(encode(Scaler(), allow_pickle=True).data)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    back = decode(Value("pickle", done.stdout, "Scaler", values.PYTHON), allow_pickle=True)
    assert back(14) == 42


HARMLESS = {
    "pair": (1, (2.5, None)),
    "names": {"a", "b"},
    "when": datetime(2009, 1, 20, 8, 30, tzinfo=UTC),
    "price": decimal.Decimal("7.70"),
    "matrix": {"coefficients": numpy.arange(6.0).reshape(2, 3), "rows": (numpy.float32(1), 2)},
    "many": collections.OrderedDict(a=1),
    "last": collections.deque([1, 2], 3),
    "arrays": (
        numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)),
        numpy.arange(10)[::3],
        numpy.array(["a", "bcd"]),
        numpy.array(["2009-01-20"], "M8[D]"),
        numpy.array(5, ">i4"),
        numpy.zeros((0, 3), bool),
    ),
    "types": (numpy.dtype("<M8[25s]"), numpy.datetime64("2009-01-20"), numpy.complex64(1j)),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_pickle_is_read_unasked(name: str) -> None:
    back = decode(encode(HARMLESS[name], allow_pickle=True))
    assert type(back) is type(HARMLESS[name])
    numpy.testing.assert_equal(back, HARMLESS[name])  # not their texts: a set has no order


@pytest.mark.parametrize(
    "pickled",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cbuiltins\ngetattr\n(cbuiltins\nset\nS'pop'\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        b"\x80\x04\x8c\x08datetime\x8c\x0fsys.modules.get\x93.",
        pickle.dumps(Model(1)),
        pickle.dumps([object]),
        pickle.dumps(collections.Counter("banana")),
        pickle.dumps(numpy.arange(3)),  # NumPy's own form believes what is said of objects
        pickle.dumps(numpy.array([None])),
        b"cbuiltins\nset\n(cbuiltins\nrange\n(I10000000000\ntRtR.",
        b"cbuiltins\nbytearray\n(I1000000000000\ntR.",
    ],
)
def test_any_other_pickle_is_not_read_unasked(pickled: bytes) -> None:
    with pytest.raises(NeedsConsent, match="which runs code when it is read"):
        decode(Value("pickle", pickled, "x", values.PYTHON))


@pytest.mark.parametrize("text", ["O", "|O8", "V8", "<f8,<f8", "3f8", "S1000000000000000000000", 8])
def test_a_forged_type_is_refused(text: object) -> None:
    forged = pickle.dumps((text, (1,), "C", b"A" * 8))[:-1]  # without its last opcode
    made = b"ckd_pipeline.plain_arrays\narray\n" + forged[2:] + b"R."
    with pytest.raises(InvalidInput, match="cannot be read here"):
        decode(Value("pickle", made, "x", values.PYTHON))


def test_an_array_that_comes_back_is_ones_own() -> None:
    fixed = numpy.arange(4.0)
    fixed.flags.writeable = False
    for array in (numpy.arange(4.0), fixed):
        back = decode(encode((array,), allow_pickle=True))[0]
        back[0] = 9
        assert back.tolist() == [9, 1, 2, 3]
        assert array[0] == 0


def test_a_module_with_code_of_its_own_for_its_names_hides_no_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Lazy(types.ModuleType):
        def __getattr__(self, name: str) -> str:
            raise RuntimeError(f"no {name}")

    monkeypatch.setitem(sys.modules, "lazy_one", Lazy("lazy_one"))
    assert pickles.versions()["numpy"] == numpy.__version__


NAMES = [(module, name) for module, names in pickles.HARMLESS.items() for name in sorted(names)]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_pickle_that_is_read_unasked_changes_nothing_here(module: str, name: str) -> None:
    """It names something, and sets an attribute of it."""
    state = f"c{module}\n{name}\n(N(S'kd_changed'\nI1\ndtb."
    with contextlib.suppress(InvalidInput):
        decode(Value("pickle", state.encode(), "x", values.PYTHON))
    with contextlib.suppress(ImportError):  # numpy's old and new names
        assert not hasattr(getattr(importlib.import_module(module), name), "kd_changed")


def test_libraries_of_another_version_are_named() -> None:
    made = Values([], python=values.PYTHON, libraries={"numpy": "0.1", "pandas": "0.2"})
    data = encode((numpy.array([0, 1, None])[:2],), allow_pickle=True).data
    with pytest.warns(UserWarning, match=rf"made with numpy 0.1 \(here {numpy.__version__}\)\."):
        back = values.read_pickle(io.BytesIO(data), "tuple", "x", True, made)
    assert back[0].tolist() == [0, 1]
    broken = io.BytesIO(pickle.dumps((numpy.arange(3), Broken())))
    with pytest.raises(InvalidInput, match=r"cannot be read here: .* It was made with numpy 0.1"):
        values.read_pickle(broken, "tuple", "x", True, made)
