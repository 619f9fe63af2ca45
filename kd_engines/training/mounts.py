"""The file systems that a job finds beside the machine's own: the project repository, and data."""

import shutil
from pathlib import Path

import psutil

from kd_pipeline.messages import Mount

OF_THE_MACHINE = ("/boot", "/dev", "/etc", "/proc", "/run", "/snap", "/sys", "/usr", "/var")
IN_MEMORY = frozenset({"tmpfs", "devtmpfs", "ramfs", "overlay", "squashfs", "autofs"})
MOST = 50


def mounts(repository: Path) -> list[Mount]:
    """Return the project repository's file system, then the others; at most `MOST`.

    Only the first is asked for its room: a network file system that is away would not answer.
    """
    try:
        parts = psutil.disk_partitions(all=True)
    except OSError:
        parts = []
    kinds = {part.mountpoint: part.fstype for part in parts}
    # The innermost one that holds the repository; "/" holds all.
    own = max((p for p in kinds if repository.is_relative_to(p)), key=len, default="")
    first = Mount(str(repository), kinds.get(own, ""))
    try:
        room = shutil.disk_usage(repository)
        first.size_bytes, first.free_bytes = room.total, room.free
    except OSError:  # it is away for a while
        pass
    found = [first]
    for part in parts:
        path = Path(part.mountpoint)
        if (
            part.fstype in IN_MEMORY
            or part.mountpoint in ("/", own)
            or any(path.is_relative_to(place) for place in OF_THE_MACHINE)
        ):
            continue
        found.append(Mount(part.mountpoint, part.fstype, "ro" in part.opts.split(",")))
    return found[:MOST]
