"""Manifests as text: read as `kubectl` and `json.dumps` write them, written as Go reads them.

Reading costs no more than the text is long, whatever it says: aliases that multiply, numbers of
many digits and other bombs are refused.
"""

import codecs
import json
import re
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from kd_pipeline.plain_text import one_line

MOST_NODES = 2_000_000  # of one text, with what its aliases repeat
LONGEST_NUMBER = 100  # characters; no manifest has a longer one
DEEPEST = 200
# What these two say quotes the text: a password that begins with * or ! is taken for such a name.
_QUOTING = {ComposerError: "an alias (*) that is used wrongly", ConstructorError: "an unknown tag"}
# Text that some reader of YAML 1.1 or 1.2 takes for a number, a truth value or nothing.
_NOT_PLAIN = re.compile(
    r"[-+.]?\d|[-+]?\.(?:inf|nan)$|(?:y|n|yes|no|on|off|true|false|null|nan|inf)$", re.IGNORECASE
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_INT, _FLOAT, _STR = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:str"


class BadManifest(ValueError):
    """A text is no manifest; the sentence says where, and quotes nothing of it."""


# The same reader in C, where PyYAML was built with it: eight times as fast.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader, with numbers of a sane length."""


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper, which quotes whatever any reader could take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write what occurs twice twice: a person edits one of them."""
        return True


def read_all(content: bytes | str) -> list[Any]:
    """Return the documents of a YAML or JSON text; raises BadManifest.

    Bytes are UTF-8, or UTF-16 with its mark. Pairs of half surrogates, as JSON writes an emoji, are
    joined; a half one becomes U+FFFD.
    """
    text = _decoded(content) if isinstance(content, bytes) else content
    documents = _json(text) if text.lstrip()[:1] in ("{", "[") else None
    if documents is None:
        try:
            documents = list(yaml.load_all(text, Loader=_Loader))
        except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
            raise BadManifest(_trouble(error)) from None
    _count(documents, {}, 0)
    return [_mended(document) for document in documents] if _has_halves(text) else documents


def write_all(manifests: list[Any]) -> str:
    """Return manifests as ``kubectl apply`` takes them."""
    return yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _decoded(content: bytes) -> str:
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadManifest(f"it is not UTF-8 text (at byte {error.start:,})") from None


def _json(text: str) -> list[Any] | None:
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        return None  # YAML may begin so too


def _trouble(error: Exception) -> str:
    """Return what is wrong and where: ``line 2, column 15: mapping values are not allowed here``.

    ``error`` is what a loader of PyYAML raised. Its own text ends with the line where it happened.
    """
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return one_line(error, 200)
    mark = error.problem_mark
    why = one_line(error.problem or "unreadable", 200)
    if not isinstance(error, _BadNumber):
        why = _QUOTING.get(type(error)) or why
    return f"line {mark.line + 1}, column {mark.column + 1}: {why}"


class _BadNumber(ConstructorError):
    """A number is too long to be one."""


def _number(loader: Any, node: Any) -> Any:
    if len(node.value) > LONGEST_NUMBER:
        what = f"a number of {len(node.value):,} characters, {LONGEST_NUMBER} are the limit"
        raise _BadNumber(None, None, what, node.start_mark)
    construct = loader.construct_yaml_int if node.tag == _INT else loader.construct_yaml_float
    return construct(node)


for _tag in (_INT, _FLOAT):
    _Loader.add_constructor(_tag, _number)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if _NOT_PLAIN.match(text) and "\n" not in text else None
    return dumper.represent_scalar(_STR, text, style=style)


_Dumper.add_representer(str, _text)


def _count(value: Any, known: dict[int, int], depth: int) -> int:
    """Return how many values a document has, those of aliases each time; raises BadManifest."""
    if not isinstance(value, dict | list):
        return 1
    found = known.get(id(value))
    if found is not None and found < 0:
        raise BadManifest("an alias (*) holds itself")
    if depth > DEEPEST:
        raise BadManifest(f"it is nested more than {DEEPEST} deep")
    if found is None:
        known[id(value)] = -1
        inner = value.values() if isinstance(value, dict) else value
        found = known[id(value)] = 1 + sum(_count(item, known, depth + 1) for item in inner)
    if found > MOST_NODES:
        raise BadManifest(f"its aliases (*) repeat more than {MOST_NODES:,} values")
    return found


def _has_halves(text: str) -> bool:
    return "\\ud" in text.lower() or _SURROGATES.search(text) is not None


def _mended(value: Any) -> Any:
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, str) and _SURROGATES.search(value):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value
