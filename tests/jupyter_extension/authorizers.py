"""Authorizers for the Jupyter servers of the tests, named by ``--ServerApp.authorizer_class``."""

from typing import Any

from jupyter_server.auth import Authorizer, User
from jupyter_server.base.handlers import JupyterHandler


class NoPipeline(Authorizer):
    """Allows everything but the pipeline."""

    def is_authorized(
        self, handler: JupyterHandler, user: User, action: str, resource: Any
    ) -> bool:
        """Refuse what is of kd-magics."""
        return bool(resource != "kd_magics")
