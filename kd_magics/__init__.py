"""Notebook magics: train on a connected cluster, register models, deploy them, ask them.

``%load_ext kd_magics`` gives %attachments, %logs, %register, %models, %deploy, %undeploy, %predict
and one cell magic per connected training cluster.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


# What the magics need is imported when they are loaded: this package alone imports at once.
def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Register the magics (IPython calls this for ``%load_ext kd_magics``)."""
    from kd_magics.load import load

    load(shell)


def unload_ipython_extension(shell: "InteractiveShell") -> None:
    """Take every magic of ours away again (IPython calls this for ``%unload_ext``)."""
    from kd_magics.load import unload

    unload(shell)
