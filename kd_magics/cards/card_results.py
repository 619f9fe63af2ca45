"""What a job has shown, below its card once it has ended: plots, tables, the last value.

Front ends take changes only of outputs that a cell has shown while it ran, so there are some in
reserve, which are empty until then.
"""

from collections.abc import Sequence
from typing import Any

from kd_client.jobs import saved_reference
from kd_client.jobs.outputs import all_outputs, latest_outputs
from kd_client.training_client import TrainingClient
from kd_magics.cards.card_display import EMPTY, CardDisplay

MOST = 4


class CardResults:
    """The outputs of one job in the notebook, at most `MOST` of them."""

    def __init__(self, shell: Any) -> None:
        self._places = [CardDisplay(shell) for _ in range(MOST)]
        self.hidden = 0

    def reserve(self) -> None:
        """Take the places below the card in the running cell."""
        for place in self._places:
            place.show(EMPTY)

    def read(self, client: TrainingClient, job: int) -> None:
        """Show what the job has shown; raises Unavailable.

        What does not fit is counted as ``hidden``, the newest: the last place is the last output's.
        """
        shown = [
            entry.output
            for entry in latest_outputs(all_outputs(client, job))
            if entry.output.get("output_type") in ("display_data", "execute_result")
        ]
        self.hidden = max(0, len(shown) - MOST)
        fitting = shown if not self.hidden else [*shown[: MOST - 1], shown[-1]]
        self._show(fitting)

    def _show(self, outputs: Sequence[dict[str, Any]]) -> None:
        for place, output in zip(self._places, outputs, strict=False):
            data = {**(output.get("data") or EMPTY), saved_reference.MIME_OF_OUTPUT: {"version": 1}}
            place.show(data, output.get("metadata"))
