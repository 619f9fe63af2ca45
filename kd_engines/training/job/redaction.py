"""What of a failed job's variables must not be shown: whatever looks like a secret."""

import os
import re
from collections.abc import Mapping

from kd_engines.training.job_folder import records

HIDDEN = "[hidden]"
SHORTEST_SECRET = 6  # a shorter value of the environment is too common a text to hide everywhere
SHORTEST_KEY = 16  # `key` alone is a secret only if it is long: loops use the name too
# A tokenizer is none, and a number under such a name counts tokens or keys.
_SECRET = re.compile(
    r"token(?!iz)|passw|passphrase|pwd|(^|_)pw($|_)|secret|credential|(^|_)auth(?!or)|apikey"
    r"|_keys?($|_)",
    re.IGNORECASE,
)
_NUMBER_TOO = re.compile("passw|pwd|(^|_)pw($|_)|secret|credential", re.IGNORECASE)
# In a text such as a repr: password='x', "api_key": "y", token=z.
_ASSIGNED = re.compile(
    r"""(?P<name>\b(?=\w*?(?:token|passw|passphrase|pwd|secret|credential|apikey|_key)(?!iz)"""
    r"""|(?:\w*_)?pw(?:_\w*)?\b)\w++"""
    r"""['"]?+\s*+[=:]\s*+)(?:\[hidden\]|b?'[^']*'?|b?"[^"]*"?|(?![\d.]+\b)[^\s,;)}\]]+)""",
    re.IGNORECASE,
)
# In a text of any kind: what an HTTP header or a login sends, and a JSON Web Token.
_SENT = re.compile(
    r"""\b(?P<scheme>(?:Bearer|Basic)\s+)(?=[a-z.~+/-]*[\d=_])[\w.~+/=-]{8,}+"""
    r"""|(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{4,}+(?:\.[\w-]*+)?"""
    r"""|\b(?P<name>(?:\w*?(?:passw(?:or)?d|passphrase|pwd)|(?:\w*_)?pw)=)(?!\[hidden\])"""
    r"""(?:'[^']*'?|"[^"]*"?|[^\s,;&)}\]'"]+)"""
    # A key or token of at least 8 characters, of which one is a digit: no number, no word.
    r"""|\b(?P<key>\w*?(?:token(?!iz)|secret|api_?key|access_key|_key)=)"""
    r"""(?![\d.,]+(?![\w-]))(?=[\w.~+/-]*\d)[\w.~+/-]{8,}+=*""",
    re.IGNORECASE,
)
# What a shell sets beside passwords: where one is.
_FOLDERS = frozenset({"PWD", "OLDPWD"})
_IN_URL = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")


class Secrets:
    """The secrets that a process knows by the names of its environment variables.

    Those that ``KD_CREDENTIALS`` lists are secrets whatever they are called.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        found = os.environ if environment is None else environment
        names = {name for name in found if name not in _FOLDERS and looks_secret(name)}
        names |= {name for name in found.get(records.SECRETS, "").split(",") if name in found}
        values = {found[name] for name in names}
        # The longest first, as one may be a part of another.
        self._values = sorted(
            (value for value in values if len(value) >= SHORTEST_SECRET), key=len, reverse=True
        )

    def hides(self, name: str, value: object) -> bool:
        """Tell whether a variable's value must not be shown at all."""
        if looks_secret(name):
            number = issubclass(type(value), int | float)
            return not number or bool(_NUMBER_TOO.search(name))
        if name.lower() in ("key", "keys"):
            return isinstance(value, str | bytes) and len(value) >= SHORTEST_KEY
        return type(value) is str and value in self._values

    def clean(self, text: str) -> str:
        """Return a text without the environment's secrets, and what is sent to log in."""
        for value in self._values:
            text = text.replace(value, HIDDEN)
        text = _SENT.sub(lambda found: "".join(filter(None, found.groups())) + HIDDEN, text)
        return _IN_URL.sub(rf"\1{HIDDEN}@", text)

    def clean_repr(self, text: str) -> str:
        """Return an object's repr cleaned, and without what its names say to be secret."""
        return _ASSIGNED.sub(rf"\g<name>{HIDDEN}", self.clean(text))


def looks_secret(name: str) -> bool:
    """Tell whether a variable of this name is likely to hold a secret."""
    return bool(_SECRET.search(name))
