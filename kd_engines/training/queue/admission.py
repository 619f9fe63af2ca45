"""Which waiting jobs may start now: places, processors, memory and GPUs of this engine.

A job takes one of the engine's places (KD_MAX_RUNNING) and, where it asks for them, processors,
memory and GPUs of its own. The rule: first come, first served. A job that does not fit waits, and
whatever it asks for is kept for it as it becomes free; later jobs may pass it with what is left
over. So no job waits for ever, and one that waits for a GPU does not hold up those that want none.
A job that could never run here (another engine of the same queue may have the room) keeps nothing.
"""

import math
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kd_engines.members import capacity
from kd_engines.training import machine
from kd_pipeline.errors import InvalidInput
from kd_pipeline.messages import Resources
from kd_pipeline.quantities import memory_text

NAMED_JOBS = 3
# What tells the usual libraries how many threads to start.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "LOKY_MAX_CPU_COUNT",
    "POLARS_MAX_THREADS",
)
VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Room:
    """What an engine has for its jobs; ``gpus`` are indexes or ids as CUDA takes them."""

    places: int
    cpus: float
    memory_bytes: int
    gpus: tuple[str, ...] = ()

    @classmethod
    def of_this_machine(cls, places: int) -> "Room":
        """Return the room of this machine, container and CUDA_VISIBLE_DEVICES."""
        indexes = tuple(str(index) for index in range(len(machine.gpus())))
        visible = os.environ.get(VISIBLE_GPUS)
        if visible is not None and indexes:
            indexes = tuple(part.strip() for part in visible.split(",") if part.strip())
        return cls(places, capacity.cpus(), capacity.memory_bytes(), indexes)


@dataclass
class Held:
    """What one running job has taken; ``since`` is the time it began, in seconds since 1970."""

    resources: Resources
    gpus: tuple[str, ...] = ()
    since: float = field(default_factory=time.time)


@dataclass
class Free:
    """What is left for the next waiting job while the queue is gone through."""

    room: Room
    places: int
    cpus: float
    memory_bytes: int
    gpus: int

    def take(self, asked: Resources) -> str | None:
        """Take a place and what is asked for; or keep that for the job, and say what it lacks."""
        lacking = self.lacking(asked)
        if lacking is None:
            self.places -= 1
        if lacking is None or not problems(self.room, asked):
            self.cpus = max(0.0, self.cpus - (asked.cpus or 0))
            self.memory_bytes = max(0, self.memory_bytes - (asked.memory_bytes or 0))
            self.gpus = max(0, self.gpus - (asked.gpus or 0))
        return lacking

    def lacking(self, asked: Resources) -> str | None:
        """Return a sentence that names what the job wants and is not free, or None."""
        if (asked.cpus or 0) > self.cpus:
            wanted = _count(asked.cpus or 0, "processor")
            return f"Wants {wanted}; {self.cpus:g} of {self.room.cpus:g} {_are(self.cpus)} free."
        if (asked.memory_bytes or 0) > self.memory_bytes:
            wanted, free = memory_text(asked.memory_bytes or 0), memory_text(self.memory_bytes)
            total = memory_text(self.room.memory_bytes)
            return f"Wants {wanted} of memory; {free} of {total} are free."
        if (asked.gpus or 0) > self.gpus:
            wanted, all_gpus = _count(asked.gpus or 0, "GPU"), len(self.room.gpus)
            return f"Wants {wanted}; {self.gpus} of {all_gpus} {_are(self.gpus)} free."
        return None


class Admission:
    """What the running jobs of this engine have taken of its room."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self._held: dict[int, Held] = {}

    def hold(self, job: int, held: Held) -> None:
        """Count a job as running here; one that is counted already stays as it is."""
        self._held.setdefault(job, held)

    def choose(self, asked: Resources) -> Held:
        """Return what a job that asks for this takes: the first free GPUs, where it wants some."""
        taken = {gpu for held in self._held.values() for gpu in held.gpus}
        free = [gpu for gpu in self.room.gpus if gpu not in taken]
        return Held(asked, tuple(free[: asked.gpus or 0]))

    def release(self, job: int) -> None:
        """Give back what a job had."""
        self._held.pop(job, None)

    def free(self) -> Free:
        """Return what is free now."""
        held = self._held.values()
        return Free(
            self.room,
            places=self.room.places - len(held),
            cpus=max(0.0, self.room.cpus - sum(one.resources.cpus or 0 for one in held)),
            memory_bytes=max(
                0, self.room.memory_bytes - sum(one.resources.memory_bytes or 0 for one in held)
            ),
            gpus=max(0, len(self.room.gpus) - sum(one.resources.gpus or 0 for one in held)),
        )

    def reason(self, position: int, waiting: Iterable[Resources]) -> str | None:
        """Return why a job waits that has ``position`` jobs before it; None if it is to start now.

        ``waiting`` is what those ask for, oldest first, and then the job itself: each takes or
        keeps its part before the next.
        """
        free = self.free()
        lacking = None
        for asked in waiting:
            if free.places <= 0:
                return self._waits_for_a_place(position)
            lacking = free.take(asked)
        return lacking

    def _waits_for_a_place(self, position: int) -> str:
        what = f"{_count(position, 'job')} before it" if position else "a free place"
        return f"Waits for {what}; {self._running_in_words()}."

    def _running_in_words(self) -> str:
        held = sorted(self._held.items())
        if not held:
            return f"none of {self.room.places} run yet"
        named = [str(job) for job, _ in held[:NAMED_JOBS]]
        more = len(held) - len(named)
        last = f"{more} more" if more else named.pop()
        jobs = f"jobs {', '.join(named)} and {last}" if named else f"job {last}"
        age = _duration(time.time() - max(one.since for _, one in held))
        verb = "runs" if len(held) == 1 else "run"
        return f"{len(held)} of {self.room.places} {verb} ({jobs}, since {age})"


def check_values(asked: Resources) -> None:
    """Raise InvalidInput for resources that no job can ask for, whatever the engine."""
    if asked.cpus is not None and not (0 < asked.cpus < math.inf):
        raise InvalidInput(f"cpus is {asked.cpus:g}; it is a number above 0 (--cpus).")
    if asked.memory_bytes is not None and asked.memory_bytes < 1:
        raise InvalidInput(
            f"memory_bytes is {asked.memory_bytes}; it is a number of bytes above 0 (--memory)."
        )
    if asked.gpus is not None and asked.gpus < 0:
        raise InvalidInput(f"gpus is {asked.gpus}; it is a whole number from 0 (--gpus).")


def problems(room: Room, asked: Resources) -> list[str]:
    """Return a sentence for each thing that a job asks for and ``room`` can never give."""
    found = []
    if (asked.cpus or 0) > room.cpus:
        found.append(
            f"The job wants {_count(asked.cpus or 0, 'processor')}, this engine has "
            f"{room.cpus:g} (--cpus)."
        )
    if (asked.memory_bytes or 0) > room.memory_bytes:
        found.append(
            f"The job wants {memory_text(asked.memory_bytes or 0)} of memory, this engine has "
            f"{memory_text(room.memory_bytes)} (--memory)."
        )
    if (asked.gpus or 0) > len(room.gpus):
        found.append(
            f"The job wants {_count(asked.gpus or 0, 'GPU')}, this engine has "
            f"{len(room.gpus) or 'none'} (--gpus)."
        )
    return found


def variables(held: Held, own: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which libraries keep to what a job has; ``own`` are the user's.

    A user's number of threads stays. Its GPUs are the engine's to give: other jobs have the rest.
    """
    found = dict(own)
    if held.resources.cpus is not None:
        threads = str(math.ceil(held.resources.cpus))
        found = {**dict.fromkeys(THREADS, threads), **found}
    if held.resources.gpus is not None:
        found[VISIBLE_GPUS] = ",".join(held.gpus)
    return found


def _count(number: float, noun: str) -> str:
    return f"{number:g} {noun}{'' if number == 1 else 's'}"


def _are(number: float) -> str:
    return "is" if number == 1 else "are"


def _duration(seconds: float) -> str:
    """Return a time as people say it, in its largest unit."""
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit:
            return _count(int(seconds // unit), name)
    return _count(max(1, int(seconds)), "second")
