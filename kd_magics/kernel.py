"""``python -m kd_magics.kernel``: IPython's kernel, which has the magics from the start.

Notebooks of the notebook app of 2020 have no `%load_ext`. One that has it loads them anew.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def main() -> None:
    """Run a kernel, as ``python -m ipykernel_launcher`` does."""
    # The folder that it is started in may have modules of any name; the kernel adds it again later.
    if sys.path[0] == "" or Path(sys.path[0]) == Path.cwd():
        del sys.path[0]
    from ipykernel.kernelapp import IPKernelApp

    from kd_magics.load import load

    class KernelApp(IPKernelApp):
        """Loads the magics behind the extensions that the user's configuration names."""

        def init_extensions(self) -> None:
            super().init_extensions()  # type: ignore[no-untyped-call]
            try:
                load(cast("InteractiveShell", self.shell))
            except Exception:  # a kernel without them is better than none
                self.log.exception("kd_magics could not be loaded")

    KernelApp.launch_instance()


if __name__ == "__main__":
    main()
