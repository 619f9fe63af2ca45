"""A registered model version: the ConfigMap of the tutorial as a typed object, and back.

The five keys ``name, description, model-version, path, scoring-path`` and the label
``kubedirector.hpe.com/cmType: model`` are the contract with KubeDirector and other tools. Further
keys (lineage, metrics, an example request) travel through KubeDirector untouched.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kd_pipeline.errors import InvalidModel

CM_TYPE_LABEL = "kubedirector.hpe.com/cmType"
MODEL_TYPE = "model"
LONGEST_NAME = 63  # so that it can stand in labels and URLs
LONGEST_CONFIGMAP_NAME = 253
# All connected ConfigMaps end in one file that KubeDirector pushes through `exec`.
LARGEST_MODEL_BYTES = 64 * 1024
CONTRACT_KEYS = ("name", "description", "model-version", "path", "scoring-path")
# A model of a known format needs no scoring script.
NEEDED_KEYS = ("name", "model-version", "path")

# Published models have capitals and underscores: Taxi_Duration.
_NAME = re.compile(r"[A-Za-z0-9]([-_A-Za-z0-9]*[A-Za-z0-9])?")
_PLAIN_NAME = re.compile(r"[-a-z0-9]+")
_CONFIGMAP_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?")
_PLAIN_VERSION = re.compile(r"[a-z0-9]([.a-z0-9]*[a-z0-9])?")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")


@dataclass(frozen=True)
class ModelConfig:
    """One version of one model, as its ConfigMap says."""

    name: str
    version: str
    path: str
    scoring_path: str
    description: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    configmap_name: str = ""

    def __post_init__(self) -> None:
        if not self.configmap_name:
            object.__setattr__(self, "configmap_name", configmap_name(self.name, self.version))

    @property
    def key(self) -> tuple[str, str]:
        """Name and version: what a prediction's URL says."""
        return self.name, self.version

    def validate(self) -> "ModelConfig":
        """Return self; raises InvalidModel, which names the field, its limit and what to do."""
        check_name(self.name)
        check_version(self.version)
        _check(
            self.configmap_name,
            _CONFIGMAP_NAME,
            LONGEST_CONFIGMAP_NAME,
            "metadata.name",
            "lower-case letters, digits, '-', '.'",
        )
        if not self.path.strip():
            raise InvalidModel(f"path of model {self.name!r} is empty; give the path.")
        for key in self.extra:
            if key in CONTRACT_KEYS or not _DATA_KEY.fullmatch(key):
                raise InvalidModel(
                    f"{key!r} cannot be a further key of a model: use letters, digits, '-', '_', "
                    f"'.', and none of {', '.join(CONTRACT_KEYS)}."
                )
        size = self.size_bytes()
        if size > LARGEST_MODEL_BYTES:
            raise InvalidModel(
                f"The ConfigMap of {self.name}/{self.version} would hold {size:,} bytes, "
                f"{LARGEST_MODEL_BYTES:,} are the limit; keep large values in the project "
                "repository and name their path."
            )
        return self

    def data(self) -> dict[str, str]:
        """Return the ConfigMap's data: the contract's five keys, then the further ones."""
        return {
            "name": self.name,
            "description": self.description,
            "model-version": self.version,
            "path": self.path,
            "scoring-path": self.scoring_path,
            **self.extra,
        }

    def size_bytes(self) -> int:
        """Return how much the ConfigMap holds, which is limited (LARGEST_MODEL_BYTES)."""
        return sum(len(k.encode()) + len(v.encode()) for k, v in self.data().items())

    def to_manifest(self) -> dict[str, Any]:
        """Return the ConfigMap as ``kubectl apply`` takes it, with the label that connects it."""
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.configmap_name,
                "labels": {**self.labels, CM_TYPE_LABEL: MODEL_TYPE},
            },
            "data": self.data(),
        }

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> "ModelConfig":
        """Read a ConfigMap of the contract, whoever wrote it; raises InvalidModel."""
        metadata = manifest.get("metadata") or {}
        return cls.from_data(
            str(metadata.get("name") or ""),
            manifest.get("data") or {},
            metadata.get("labels") or {},
        )

    @classmethod
    def from_data(
        cls, configmap: str, data: Mapping[str, Any], labels: Mapping[str, Any] | None = None
    ) -> "ModelConfig":
        """Build a model from a ConfigMap's name, data and labels; raises InvalidModel."""
        where = f"ConfigMap {configmap!r}"
        data = {key: value for key, value in data.items() if value is not None}  # as absent
        for key, value in data.items():
            if not isinstance(value, str):
                raise InvalidModel(f"{where}: {key} is not a text; put quotes around its value.")
        missing = [key for key in NEEDED_KEYS if not data.get(key)]
        if missing:
            raise InvalidModel(f"{where} lacks {', '.join(missing)}; a model needs these keys.")
        return cls(
            name=data["name"],
            version=data["model-version"],
            path=data["path"],
            scoring_path=data.get("scoring-path") or "",
            description=data.get("description") or "",
            extra={key: value for key, value in data.items() if key not in CONTRACT_KEYS},
            labels={str(key): str(value) for key, value in (labels or {}).items()},
            configmap_name=configmap,
        )

    def with_extra(self, **values: str) -> "ModelConfig":
        """Return a copy with further keys; underscores in their names become dashes."""
        renamed = {key.replace("_", "-"): value for key, value in values.items()}
        return replace(self, extra={**self.extra, **renamed})


def configmap_name(name: str, version: str) -> str:
    """Return the ConfigMap name of a model version; two versions never share one.

    ``taxi`` and ``1`` give ``taxi-1``. A version with a dash, and a name or version with an
    underscore or capitals, get the start of a hash: ``a`` + ``1-2`` and ``a-1`` + ``2`` would else
    both be ``a-1-2``, ``Taxi`` and ``taxi`` one.
    """
    plain = f"{name}-{version}"
    if _PLAIN_NAME.fullmatch(name) and _PLAIN_VERSION.fullmatch(version):
        return plain
    slug = re.sub(r"[^a-z0-9.]+", "-", plain.lower()).strip("-.")
    return f"{slug}-{hashlib.sha256(f'{name}/{version}'.encode()).hexdigest()[:6]}"


def check_label(metadata: Mapping[str, Any], keys: Collection[str]) -> None:
    """Raise InvalidModel for a ConfigMap that has a model's data keys, but not its label.

    Labels are compared as they are, so that one in other capitals is another.
    """
    labels: Mapping[str, str] = metadata.get("labels") or {}
    if "scoring-path" not in keys or labels.get(CM_TYPE_LABEL) == MODEL_TYPE:
        return
    like = [f"{k}: {v}" for k, v in labels.items() if k.lower() == CM_TYPE_LABEL.lower()]
    has = f" (it has {like[0]})" if like else ""
    raise InvalidModel(
        f"ConfigMap {metadata.get('name')!r} looks like a model but lacks the label "
        f"{CM_TYPE_LABEL}: {MODEL_TYPE}{has}, so it never gets to an engine as one; add it."
    )


def check_name(name: str) -> str:
    """Return ``name`` where it can name a model; raises InvalidModel with a name that could."""
    if _NAME.fullmatch(name) and len(name) <= LONGEST_NAME:
        return name
    could = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-_")[:LONGEST_NAME].strip("-_")
    hint = f"; {could!r} would do" if could else ""
    raise InvalidModel(
        f"{name[:80]!r} cannot name a model: a name has 1 to {LONGEST_NAME} letters, digits, '-' "
        f"and '_', and begins and ends with a letter or digit{hint}."
    )


def check_version(version: str) -> str:
    """Return ``version`` where it can be a model's; raises InvalidModel."""
    _check(version, _VERSION, LONGEST_NAME, "model-version", "letters, digits, '-', '_', '.'")
    return version


def _check(value: str, pattern: re.Pattern[str], longest: int, key: str, allowed: str) -> None:
    if not pattern.fullmatch(value) or len(value) > longest:
        raise InvalidModel(
            f"{key} {value[:80]!r} is not allowed: 1 to {longest} characters of {allowed}, "
            "beginning and ending with a letter or digit."
        )
