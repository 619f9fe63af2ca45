"""Why a text is no YAML, without any of the text: manifests and kubeconfigs hold secrets."""

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from kd_pipeline.plain_text import one_line

# What these two say quotes the text: a password that begins with * or ! is taken for such a name.
_QUOTING = {ComposerError: "an alias (*) that is used wrongly", ConstructorError: "an unknown tag"}


def yaml_trouble(error: Exception) -> str:
    """Return what is wrong and where: ``line 2, column 15: mapping values are not allowed here``.

    ``error`` is what a loader of PyYAML raised. Its own text ends with the line where it happened.
    """
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return one_line(error, 200)
    mark = error.problem_mark
    why = _QUOTING.get(type(error)) or one_line(error.problem or "unreadable", 200)
    return f"line {mark.line + 1}, column {mark.column + 1}: {why}"
