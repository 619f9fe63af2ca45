"""The JSON form of a value: only for what comes back equal and of the same types."""

import json
import sys
from typing import Any

from kd_pipeline.errors import InvalidInput, TooLarge
from kd_pipeline.hints import AS_PICKLE

PLAIN = frozenset({type(None), bool, int, float, str})
DEEPEST = 100
# What to write instead, for types that JSON would change or that are often met.
ADVICE = {
    "tuple": "JSON would change it into a list: make it one with list(…)",
    "set": "JSON has no sets: make it a list with sorted(…)",
    "frozenset": "JSON has no sets: make it a list with sorted(…)",
    "bytes": "JSON has no bytes: decode them, or send them in a file",
    "datetime": "JSON has no times: make it text with .isoformat()",
    "date": "JSON has no dates: make it text with .isoformat()",
    "DataFrame": "tables travel under a name of their own, not inside another value",
    "Series": "tables travel under a name of their own, not inside another value",
    "Table": "tables travel under a name of their own, not inside another value",
    "ndarray": "arrays travel under a name of their own, not inside another value",
}


def to_json(value: Any, name: str, largest: int) -> bytes:
    """Return ``value`` as JSON in UTF-8.

    NumPy's scalars become plain ones; NaN and the infinities are written as ``NaN`` and
    ``Infinity``. Raises InvalidInput, which names the place inside the value, and TooLarge where
    it cannot have less than ``largest`` bytes.
    """
    _Check(largest).look(value, name, ())
    try:
        text = json.dumps(value, ensure_ascii=False, default=lambda scalar: scalar.item())
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            f"{name} has text with half a surrogate pair, which JSON cannot carry; encode that "
            "text otherwise.",
            hint=AS_PICKLE,
        ) from None
    except ValueError as error:  # a whole number of more than sys.get_int_max_str_digits()
        raise InvalidInput(f"{name} has no JSON form: {error}.") from None


def from_json(data: bytes, name: str) -> Any:
    """Return the value of JSON; raises InvalidInput where it is damaged."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} is not JSON that can be read here: {error}.") from None


def kind_of(value: Any) -> str:
    """Return the name of the type that a value has after it went through JSON."""
    return type(value.item() if _is_scalar(value) else value).__name__


class _Check:
    """Walks through a value and stops at the first thing that JSON would not bring back."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._left = largest // 2  # no item has less than a sign and a comma

    def look(self, value: Any, place: str, above: tuple[int, ...]) -> None:
        """Raise InvalidInput or TooLarge; ``above`` are the containers that ``value`` is in."""
        kind = type(value)
        if kind in PLAIN or _is_scalar(value):
            return
        if kind is not list and kind is not dict:
            raise InvalidInput(_refused(value, place), hint=AS_PICKLE)
        if id(value) in above or len(above) >= DEEPEST:
            what = "holds itself" if id(value) in above else f"is nested more than {DEEPEST} deep"
            raise InvalidInput(f"{place[:200]} {what}, so it has no JSON form; make it flat.")
        self._count(len(value), place)
        items = value.items() if kind is dict else enumerate(value)
        inside = (*above, id(value))
        for key, item in items:
            if kind is dict and type(key) is not str:
                raise InvalidInput(
                    f"{place[:200]} has the key {repr(key)[:80]} ({type(key).__name__}), and JSON "
                    "has only text for keys; use {str(key): value, …}.",
                    hint=AS_PICKLE,
                )
            if type(item) not in PLAIN:
                self.look(item, f"{place}[{repr(key)[:40]}]", inside)

    def _count(self, items: int, place: str) -> None:
        self._left -= items
        if self._left < 0:
            limit = f"{self._largest // 1024**2} MiB"
            raise TooLarge(
                f"{place.partition('[')[0]} has more items than JSON can hold in {limit}, which "
                "are the limit; write it to the project repository and read it from there."
            )


def _refused(value: Any, place: str) -> str:
    kind = type(value)
    advice = ADVICE.get(kind.__name__)
    if advice:
        return f"{place[:200]} is a {kind.__name__}; {advice}."
    full = full_name(kind)
    return f"{place[:200]} ({full}) has no JSON or Arrow form: only a pickle can carry it."


def full_name(kind: type) -> str:
    """Return the name of a type with its module, which built-in ones go without."""
    name = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"


def _is_scalar(value: Any) -> bool:
    """Tell a scalar of NumPy that is a number, a truth value or text."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.generic) or type(value).__module__ != "numpy":
        return False
    # Neither times nor complex and extended numbers have a plain form of the same value.
    return value.dtype.kind in "biufU" and type(value.item()) in PLAIN
