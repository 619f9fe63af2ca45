"""The shell of a session that belongs to no notebook."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class NoShell:
    """A shell without variables and magics."""

    user_ns: dict[str, Any] = field(default_factory=dict)
    magics_manager: Any = None
