"""What the training clusters are called where a name is typed: without dashes, as in 2020."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass
class Names:
    """Which magic names the training clusters have, and why some have no short one."""

    clusters: dict[str, str] = field(default_factory=dict)  # magic name: cluster
    shown: dict[str, str] = field(default_factory=dict)  # cluster: the name to show
    notes: list[str] = field(default_factory=list)


def choose_names(clusters: Iterable[str], taken: Callable[[str], bool]) -> Names:
    """Give each cluster its own name and that without dashes, where neither means another thing.

    ``taken`` tells whether a magic of IPython, or of the user, has a name already.
    """
    owns = list(clusters)
    shorts = Counter(name.replace("-", "") for name in owns)
    names = Names()
    for own in owns:
        short, full = own.replace("-", ""), own
        while taken(full) or (full != own and full in owns):
            full += "-cluster"
        names.clusters[full] = own
        if full != own:
            names.notes.append(f"{own}: {own} is another magic; its name here is {full}.")
        elif short != own and shorts[short] > 1:
            names.notes.append(f"{own}: {short} would mean several clusters, so its name is {own}.")
        elif short != own and taken(short):
            names.notes.append(f"{own}: {short} is another magic, so its name is {own}.")
        else:
            names.clusters[short] = own
            full = short
        names.shown[own] = full
    return names
