"""A job's rich outputs as they are now: some replace others."""

from collections.abc import Iterable

import msgspec

from kd_client.training_client import TrainingClient
from kd_pipeline.messages import JobOutput


def all_outputs(client: TrainingClient, number: int) -> list[JobOutput]:
    """Return all rich outputs of a job so far, in the order in which they came."""
    found: list[JobOutput] = []
    after = 0
    while (page := client.outputs(number, after)).outputs:
        found += page.outputs
        after = page.next
    return found


def latest_outputs(outputs: Iterable[JobOutput]) -> list[JobOutput]:
    """Return outputs without those that were replaced; what replaces one stands at its place."""
    found: list[JobOutput] = []
    places: dict[str, int] = {}
    for each in outputs:
        place = None if each.display_id is None else places.get(each.display_id)
        if place is not None:
            found[place] = msgspec.structs.replace(each, offset=found[place].offset)
            continue
        if each.display_id is not None:
            places[each.display_id] = len(found)
        found.append(each)
    return found
