"""Which member has which of HAProxy's server slots.

A member keeps its slot as long as it is there. A slot that was given up is used again as late as
possible, because requests to its last member may still be in flight.
"""

from collections import deque
from dataclasses import dataclass, field

from kd_engines.balancer.settings import SLOTS

Address = tuple[str, int]


@dataclass
class Slots:
    """``taken`` has each member's slot by its name; ``enabled`` what HAProxy sends where."""

    taken: dict[str, int] = field(default_factory=dict)
    enabled: dict[int, Address] = field(default_factory=dict)
    _free: deque[int] = field(default_factory=lambda: deque(range(SLOTS)))

    def follow(self, members: list[str]) -> tuple[list[int], list[str]]:
        """Take the members there are now; return the slots given up, and members without one."""
        given_up = [self.taken.pop(name) for name in sorted(self.taken.keys() - set(members))]
        for name in members:
            if name not in self.taken and self._free:
                self.taken[name] = self._free.popleft()
        self._free.extend(given_up)
        for slot in given_up:
            self.enabled.pop(slot, None)
        return given_up, [name for name in members if name not in self.taken]

    def addresses(self) -> list[Address | None]:
        """Return what stands in each slot of the configuration file."""
        return [self.enabled.get(slot) for slot in range(SLOTS)]
