"""Which version of kd-magics this is."""

import functools
from importlib import metadata


@functools.cache
def version() -> str:
    """Return the version of kd-magics; "" where it runs from its source."""
    try:
        return metadata.version("kd-magics")
    except metadata.PackageNotFoundError:
        return ""
