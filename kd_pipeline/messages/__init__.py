"""Every JSON body that crosses between notebook, engines and sidebar, as typed msgspec classes.

Times are RFC 3339 in UTC, sizes and offsets bytes, durations seconds. Names that have no plain
Python form (``calledBy``) keep the spelling of the 2020 product's REST calls.
"""

from kd_pipeline.messages.deployments import (
    AliasStatus,
    ModelList,
    ModelState,
    ModelStatus,
    PredictAnswer,
    PredictRequest,
    ScoringEnvironment,
)
from kd_pipeline.messages.errors import (
    ErrorBody,
    ErrorDetail,
)
from kd_pipeline.messages.job_details import (
    Code,
    Failure,
    Frame,
    MissingModule,
    Preflight,
    PreflightAnswer,
    Progress,
    Resources,
    Usage,
    Value,
    ValueFormat,
    ValueInfo,
    Values,
    Variable,
)
from kd_pipeline.messages.jobs import (
    TERMINAL,
    Environment,
    Gpu,
    Job,
    JobList,
    JobOutput,
    JobOutputs,
    JobStatus,
    Queue,
    RerunJob,
    SubmitJob,
    TrainRequest,
)

__all__ = [
    "TERMINAL",
    "AliasStatus",
    "Code",
    "Environment",
    "ErrorBody",
    "ErrorDetail",
    "Failure",
    "Frame",
    "Gpu",
    "Job",
    "JobList",
    "JobOutput",
    "JobOutputs",
    "JobStatus",
    "MissingModule",
    "ModelList",
    "ModelState",
    "ModelStatus",
    "PredictAnswer",
    "PredictRequest",
    "Preflight",
    "PreflightAnswer",
    "Progress",
    "Queue",
    "RerunJob",
    "Resources",
    "ScoringEnvironment",
    "SubmitJob",
    "TrainRequest",
    "Usage",
    "Value",
    "ValueFormat",
    "ValueInfo",
    "Values",
    "Variable",
]
