"""The engine and the notebook of the magics' tests, as a magic shows best what a verb does."""

from tests.kd_magics.conftest import (  # noqa: F401 - its fixtures, for this folder
    empty_notebook,
    engine,
    notebook,
    surroundings,
)
