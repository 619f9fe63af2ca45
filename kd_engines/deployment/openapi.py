"""What the deployment engine's OpenAPI document tells beside its routes."""

from kd_engines.web.openapi import Api
from kd_pipeline import messages

API = Api(
    title="kd-magics deployment engine",
    bodies={
        "predict": messages.PredictRequest,
        "infer": messages.InferRequest,
        "infer_version": messages.InferRequest,
    },
    answers={
        "predict": messages.PredictAnswer,
        "infer": messages.InferAnswer,
        "infer_version": messages.InferAnswer,
        "get_metadata": messages.InferModel,
        "get_version_metadata": messages.InferModel,
        "list_models": messages.ModelList,
        "get_model": messages.ModelStatus,
        "get_environment": messages.ScoringEnvironment,
    },
)
