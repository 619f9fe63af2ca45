"""One folder's entries with those of another that stands behind it."""

import os
from collections.abc import Iterator
from typing import Any, Self


class Entry:
    """An `os.DirEntry` of the folder behind, under the path that the folder in front has."""

    def __init__(self, folder: Any, entry: Any) -> None:
        self._entry = entry
        self.name = entry.name
        self.path = os.path.join(folder, entry.name)  # noqa: PTH118

    def __fspath__(self) -> Any:
        return self.path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"


class BothFolders:
    """What `os.scandir` returns, for the folder ``path`` that has the entries of both.

    What is in the first hides its like.
    """

    def __init__(self, path: Any, first: Any, second: Any = None) -> None:
        self._path, self._first, self._second = os.fspath(path), first, second
        self._entries = self._merged()

    def _merged(self) -> Iterator[Any]:
        seen = set()
        for entry in self._first:
            seen.add(entry.name)
            yield Entry(self._path, entry)
        for entry in self._second or ():
            if entry.name not in seen:
                yield entry

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close both, as a caller does that stops before the end."""
        self._first.close()
        if self._second:
            self._second.close()
