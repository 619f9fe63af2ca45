"""Say so where a job sets a variable that a library has read before there was the job.

What code says of the environment by itself is seen before it runs (`queue.usual_imports`); this is
for what its modules do.
"""

import os
import sys
from collections.abc import Collection, Mapping

# What libraries read when they are imported.
READ_ON_IMPORT = (
    *("OMP_", "OPENBLAS_", "MKL_", "BLIS_", "VECLIB_", "NUMEXPR_", "KMP_", "NUMBA_", "POLARS_"),
    *("CUDA_", "TORCH_", "PYTORCH_", "TF_", "KERAS_", "JAX_", "XLA_", "HF_", "TRANSFORMERS_"),
    *("MPL", "ARROW_", "TMPDIR", "XDG_"),
)


class LateVariables:
    """Compares the environment with that with which the job has begun, at its first library."""

    def __init__(self, packages: Collection[str]) -> None:
        self._packages = packages
        self._begun: dict[str, str] | None = None

    def begin(self, environment: Mapping[str, str]) -> None:
        """Take this as the environment of the job that begins."""
        self._begun = dict(environment)

    def check(self, library: str) -> None:
        """Look once, when a job imports the first module of one of the packages."""
        if self._begun is None or library.partition(".")[0] not in self._packages:
            return
        begun, self._begun = self._begun, None
        changed = {name for name, _ in begun.items() ^ os.environ.items()}
        late = sorted(name for name in changed if name.startswith(READ_ON_IMPORT))
        if late:
            print(
                f"{', '.join(late)} was set before {library} was imported, which this engine had "
                "loaded in advance, so it may have no effect; start the job with --clean.",
                file=sys.stderr,
                flush=True,
            )
