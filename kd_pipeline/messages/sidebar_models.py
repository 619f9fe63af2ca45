"""What the Jupyter server tells the sidebar of models and deployments, and is told."""

from typing import Any, Literal

import msgspec

from kd_pipeline.messages.deployments import PredictAnswer, Traffic

ModelFlag = Literal["NotDeployed", "NewerThanDeployed", "FilesChanged", "FilesMissing"]


class Lineage(msgspec.Struct, omit_defaults=True):
    """Where a model comes from, as its ConfigMap says; "" is not known.

    ``cell_changed`` is True where the notebook's saved cell is no longer the code that made the
    model, None where that cannot be told.
    """

    job_cluster: str = ""
    job_id: int | None = None
    code_sha256: str = ""
    notebook: str = ""
    cell_id: str = ""
    file: str = ""
    git_commit: str = ""
    git_dirty: bool | None = None
    data: str = ""
    author: str = ""
    created: str = ""
    params: dict[str, Any] = {}
    cell_changed: bool | None = None


class Model(msgspec.Struct):
    """One registered model version; ``deployed_on`` are the kdclusters it is connected to.

    ``extra`` are the ConfigMap's further keys as they are written there.
    """

    name: str
    version: str
    configmap: str
    description: str
    path: str
    scoring_path: str
    size_bytes: int | None
    metrics: dict[str, Any]
    lineage: Lineage
    aliases: list[str]
    deployed_on: list[str]
    flags: list[ModelFlag]
    extra: dict[str, str]


class ModelRegistry(msgspec.Struct):
    """Answer of ``GET models?known=``: by name, the newest version first.

    Where ``known`` is the ``tag`` of a former answer that is still right, it is 204 without a body.
    ``place`` is where they are kept, ``generation`` changes whenever anything in it does;
    ``problems`` are sentences about ConfigMaps that are no whole models.
    """

    models: list[Model]
    place: str
    generation: str
    problems: list[str] = []
    tag: str = ""


class ModelYaml(msgspec.Struct):
    """Answer of ``GET models/<name>/<version>/yaml``: the ConfigMap for ``kubectl apply``."""

    yaml: str


class DiffRow(msgspec.Struct):
    """A key of two models' ConfigMaps; None is a key that one of them has not."""

    key: str
    one: str | None
    other: str | None


class ModelDiff(msgspec.Struct):
    """Answer of ``GET diff?one=<name>/<version>&other=<name>/<version>``: what differs."""

    rows: list[DiffRow]
    same: list[str]


class Registration(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST registration/check`` and ``POST models``.

    Paths are in the project repository (``models/taxi/1``). ``metrics`` and ``example`` are JSON
    texts, "" for none; ``job`` (``<cluster>/<id>``) gives the lineage, "" for none.
    """

    name: str
    version: str
    path: str
    scoring_path: str
    description: str = ""
    metrics: str = ""
    example: str = ""
    job: str = ""


class RegistrationDraft(msgspec.Struct):
    """Answer of ``GET registration/draft?job=<cluster>/<id>&name=<name>``.

    What the form begins with; ``paths`` and ``scripts`` are what the job wrote, likeliest first.
    ``note`` is a sentence where something could not be found out.
    """

    registration: Registration
    paths: list[str]
    scripts: list[str]
    note: str = ""


class RegistrationProblem(msgspec.Struct):
    """What is wrong with a registration: the field of the form ("" is all of it), a sentence."""

    field: str
    message: str


class RegistrationCheck(msgspec.Struct):
    """Answer of ``POST registration/check``: nothing is written.

    ``yaml`` is the ConfigMap as it would be, ``size_bytes`` its size and ``limit_bytes`` the most
    it may have; ``free_version`` is the next version of that name.
    """

    problems: list[RegistrationProblem]
    configmap: str
    yaml: str
    size_bytes: int
    limit_bytes: int
    free_version: str


class Description(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``PUT models/<name>/<version>/description``."""

    description: str


class AliasTarget(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``PUT aliases/<name>/<alias>``: the version that the alias shall be of."""

    version: str


class RepositoryEntry(msgspec.Struct):
    """A file or folder of the project repository; ``path`` is relative to it."""

    name: str
    path: str
    is_folder: bool
    size_bytes: int | None
    modified: str


class RepositoryFolder(msgspec.Struct):
    """Answer of ``GET repository?path=<path>``: folders first, then files, by name.

    ``left_out`` is how many there are beyond those, in a folder that has too many to show.
    """

    path: str
    entries: list[RepositoryEntry]
    left_out: int = 0


class DeployedModel(msgspec.Struct):
    """A model version on a deployment cluster: whether it is wanted there, and how it is.

    ``state`` is an engine's word (Loading, Ready, Failed, Draining), "Not loaded yet", "Unknown";
    ``reason`` says why.
    """

    name: str
    version: str
    wanted: bool
    state: str
    reason: str = ""
    since: str = ""
    restarts: int = 0
    aliases: list[str] = []
    url: str = ""
    has_example: bool = False
    traffic: Traffic | None = None  # of the last half minute; None is none
    served_by: str = ""  # without a scoring script: what it was compiled to, or why it was not
    processes: int = 0


class Deployment(msgspec.Struct):
    """A deployment kdcluster: how many members it shall have and has, and its models.

    ``state`` is its own word (configured, creating, …) where the registry tells it. ``connected``
    says whether the notebook may ask it: one that is not shows what is wanted only.
    """

    name: str
    app: str
    connected: bool
    state: str
    reason: str
    members_wanted: int
    members: int
    models: list[DeployedModel]


class DeploymentList(msgspec.Struct):
    """Answer of ``GET deployments``; ``apps`` are the kdapps of which a new one can be."""

    deployments: list[Deployment]
    apps: list[str]
    notices: list[str] = []


class NewDeployment(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST deployments``: a new deployment kdcluster, connected to the notebook."""

    name: str
    app: str
    members: int = 1
    models: list[str] = []  # <name>/<version>


class MembersWanted(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``PUT deployments/<cluster>/members``."""

    members: int


class PredictField(msgspec.Struct):
    """One field of the form "Try it": its JSON type, and the value of the stored example."""

    name: str
    type: Literal["string", "number", "integer", "boolean", "json"]
    value: Any = None
    description: str = ""


class PredictForm(msgspec.Struct):
    """Answer of ``GET deployments/<cluster>/models/<name>/<version>/form``.

    ``fields`` are of the model's signature, or of its example; none where neither is known: then
    ``example`` is edited as JSON. ``source`` says which it was.
    """

    fields: list[PredictField]
    example: Any
    source: Literal["signature", "example", "none"]


class PredictTry(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST deployments/<cluster>/models/<name>/<version>/predict``."""

    scoring_args: Any


class Prediction(msgspec.Struct):
    """A model's answer, how long it took, and how to ask the same from elsewhere.

    The answer tells where the model failed, too. ``log`` is what is known of the scoring script's
    own words beside it. The snippets hold no token: ``curl`` and ``python`` name a variable.
    """

    answer: PredictAnswer
    seconds: float
    log: str
    curl: str
    python: str
    magic: str
