"""What the deployment engine's OpenAPI document tells beside its routes."""

from kd_engines.web.openapi import Api
from kd_pipeline import messages

API = Api(
    title="kd-magics deployment engine",
    bodies={"predict": messages.PredictRequest},
    answers={
        "predict": messages.PredictAnswer,
        "list_models": messages.ModelList,
        "get_model": messages.ModelStatus,
        "get_environment": messages.ScoringEnvironment,
    },
)
