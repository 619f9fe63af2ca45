"""A GET that stays between this machine and the one it names: no proxy, no .netrc, no redirect.

For questions to members, which carry their tokens: the environment's proxy must not see them, and
would not reach a member either.
"""

import requests


def http_get(url: str, token: str = "", timeout_s: float = 2.0) -> requests.Response:
    """Return the answer, whatever its status; raises requests.RequestException.

    ``token`` goes out as ``X-Auth-Token``. ``timeout_s`` is for connecting, and for each wait.
    """
    with requests.Session() as session:
        session.trust_env = False
        headers = {"X-Auth-Token": token} if token else {}
        return session.get(url, headers=headers, timeout=timeout_s, allow_redirects=False)
