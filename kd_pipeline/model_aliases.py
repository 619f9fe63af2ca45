"""A model's aliases: names such as ``champion`` that move from version to version.

A version never changes, so what may change is kept apart: one ConfigMap ``<model>-aliases`` per
model, with the label ``kubedirector.hpe.com/cmType: model-aliases``. Its data are ``name``, the
model's, and one key per alias, whose value is a version. It is connected to a deployment like a
model's, and travels through KubeDirector in the same way.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kd_pipeline.errors import InvalidModel
from kd_pipeline.model_config import CM_TYPE_LABEL, LONGEST_NAME

ALIASES_TYPE = "model-aliases"
MODEL_KEY = "name"
MOST_ALIASES = 100

# A letter first: what begins with a digit is taken for a version.
_ALIAS = re.compile(r"[A-Za-z]([-_.A-Za-z0-9]*[A-Za-z0-9])?")


@dataclass(frozen=True)
class ModelAliases:
    """The aliases of one model: ``versions`` has each alias's version."""

    model: str
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def configmap_name(self) -> str:
        """Return the name of the ConfigMap that has them."""
        return aliases_name(self.model)

    def with_alias(self, alias: str, version: str) -> "ModelAliases":
        """Return a copy in which ``alias`` is that of ``version``; raises InvalidModel."""
        check_alias(alias)
        versions = {**self.versions, alias: version}
        if len(versions) > MOST_ALIASES:
            raise InvalidModel(
                f"Model {self.model!r} has {MOST_ALIASES} aliases, which are the most; "
                "delete one that is not used."
            )
        return replace(self, versions=versions)

    def without(self, alias: str) -> "ModelAliases":
        """Return a copy without ``alias``."""
        kept = {key: version for key, version in self.versions.items() if key != alias}
        return replace(self, versions=kept)

    def to_manifest(self) -> dict[str, Any]:
        """Return the ConfigMap."""
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.configmap_name, "labels": {CM_TYPE_LABEL: ALIASES_TYPE}},
            "data": {MODEL_KEY: self.model, **self.versions},
        }

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> "ModelAliases":
        """Read a ConfigMap; raises InvalidModel where it has no model's name."""
        return cls.from_data(
            str((manifest.get("metadata") or {}).get("name") or ""), manifest.get("data") or {}
        )

    @classmethod
    def from_data(cls, configmap: str, data: Mapping[str, Any]) -> "ModelAliases":
        """Read a ConfigMap's data; raises InvalidModel where it has no model's name."""
        model = data.get(MODEL_KEY)
        if not isinstance(model, str) or not model:
            raise InvalidModel(
                f"ConfigMap {configmap!r} has aliases, but no key {MODEL_KEY}; it is the model's."
            )
        versions = {str(k): str(v) for k, v in data.items() if k != MODEL_KEY}
        return cls(model, versions)


def aliases_name(model: str) -> str:
    """Return the name of the ConfigMap that has a model's aliases."""
    return f"{model}-aliases"


def check_alias(alias: str) -> str:
    """Return ``alias`` where it can be one; raises InvalidModel."""
    if _ALIAS.fullmatch(alias) and len(alias) <= LONGEST_NAME and alias != MODEL_KEY:
        return alias
    raise InvalidModel(
        f"{alias[:80]!r} cannot be an alias: 1 to {LONGEST_NAME} letters, digits, '-', '_' and "
        f"'.', a letter first, and not {MODEL_KEY!r}."
    )
