"""The aliases of an engine's models: which version each is to be, and which it is.

An alias moves only to a version that is ready. Until then, and where that fails, requests by the
alias go on to the version that it was of before.
"""

from collections.abc import Callable, Iterable

from kd_pipeline.connections import ConfigMapEntry
from kd_pipeline.errors import InvalidModel
from kd_pipeline.messages import AliasStatus
from kd_pipeline.model_aliases import ModelAliases

Key = tuple[str, str]


class AliasTable:
    """The aliases that are connected; ``serves`` tells whether a model version answers now."""

    def __init__(self, serves: Callable[[Key], bool]) -> None:
        self._serves = serves
        self._wanted: dict[Key, str] = {}
        self._current: dict[Key, str] = {}

    def want(self, entries: Iterable[ConfigMapEntry]) -> None:
        """Take what the connected ConfigMaps of type model-aliases say."""
        self._wanted = {}
        for entry in entries:
            try:
                aliases = ModelAliases.from_data(entry.name, entry.data)
            except InvalidModel:
                continue  # it names no model, so nobody can ask by it
            for alias, version in aliases.versions.items():
                self._wanted[aliases.model, alias] = version
        self._current = {key: v for key, v in self._current.items() if key in self._wanted}

    def version(self, model: str, alias: str) -> str | None:
        """Return the version that an alias stands for now; None where it is no alias."""
        key = model, alias
        wanted = self._wanted.get(key)
        if wanted is None:
            return None
        current = self._current.get(key, wanted)
        if current == wanted or self._serves((model, wanted)) or not self._serves((model, current)):
            self._current[key] = wanted
            return wanted
        return current

    def statuses(self) -> list[AliasStatus]:
        """Return every alias with the version that it stands for, and the one it is to."""
        return [
            AliasStatus(model, alias, self.version(model, alias) or wanted, wanted)
            for (model, alias), wanted in sorted(self._wanted.items())
        ]
