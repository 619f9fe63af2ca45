"""Magics that the product of 2020 had and that are gone: each is an error that says what to use.

IPython's own error for an unknown magic stops no "Run All". Their arguments are not looked at, and
not shown: `%kubeRefresh` took a password.
"""

from collections.abc import Callable, Collection
from typing import NoReturn

from kd_pipeline.errors import NotFound

FORMER = {
    "kubeRefresh": "Connections are read again whenever they change: delete the line, and change "
    "the password if a saved notebook shows it.",
    "mount": "The project repository and what is mounted beside it are folders already, here and "
    "for jobs: use their paths below /bd-fs-mnt.",
    "setLivy": "Spark behind Livy is not supported; send the cell to a training cluster, which "
    "%attachments lists.",
}


def former_magics(taken: Collection[str]) -> dict[str, Callable[[str], NoReturn]]:
    """Return line magics for the names of `FORMER` that nobody has taken."""
    return {name: _former(name, words) for name, words in FORMER.items() if name not in taken}


def _former(name: str, words: str) -> Callable[[str], NoReturn]:
    def run(_line: str) -> NoReturn:
        raise NotFound(f"%{name} no longer exists. {words}")

    run.__name__, run.__doc__ = name, f"No longer exists. {words}"
    run._ipython_magic_no_var_expand = True  # type: ignore[attr-defined]
    return run
