"""What the training engine's OpenAPI document tells beside its routes."""

from kd_engines.web.openapi import Api
from kd_pipeline import messages

API = Api(
    title="kd-magics training engine",
    bodies={
        "submit_job": messages.SubmitJob,
        "rerun_job": messages.RerunJob,
        "train": messages.TrainRequest,
        "preflight": messages.Preflight,
    },
    answers={
        "submit_job": messages.Job,
        "get_job": messages.Job,
        "cancel_job": messages.Job,
        "list_jobs": messages.JobList,
        "get_outputs": messages.JobOutputs,
        "get_values": messages.Values,
        "get_value": messages.Value,
        "get_failure": messages.Failure,
        "get_curves": messages.Curves,
        "get_code": messages.Code,
        "rerun_job": messages.Job,
        "get_environment": messages.Environment,
        "preflight": messages.PreflightAnswer,
    },
    query={
        "list_jobs": {
            "status": ("string", "only jobs of this status"),
            "user": ("string", "only jobs of this user"),
            "limit": ("integer", "at most so many jobs (1 to 1000, else 50)"),
            "before": ("integer", "only jobs with a lower id: `next` of the page before"),
        },
        "get_job": {
            "wait": ("number", "seconds to wait for a change (at most 60)"),
            "known": ("string", "the status that is known: wait until it is another"),
        },
        "get_log": {
            "offset": ("integer", "first byte"),
            "limit": ("integer", "at most so many bytes"),
            "since": ("string", "only what was written after this time, such as 2026-11-25T10:00Z"),
            "follow": ("integer", "1: go on until the job has ended and all was sent"),
        },
        "get_value_data": {
            "offset": ("integer", "first byte"),
            "limit": ("integer", "at most so many bytes (8 MiB are the most)"),
        },
        "get_outputs": {"after": ("integer", "`next` of the answer before")},
    },
    created=frozenset({"submit_job", "rerun_job"}),
    texts=frozenset({"get_log"}),
    data=frozenset({"get_value_data"}),
)
