"""Which packages an engine has."""

from importlib import metadata


def packages() -> dict[str, str]:
    """Return the installed distributions and their versions."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(name, distribution.version)
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))
