"""Where the next page of a list over several clusters begins: a word that only we read.

It holds of each cluster the number below which its jobs have not been listed yet.
"""

import base64
import binascii

import msgspec

from kd_pipeline.errors import InvalidInput

LONGEST = 8 * 1024
HIGHEST = 2**53
Cursor = dict[str, int]


def encode(cursor: Cursor) -> str:
    """Return a cursor as a word for URLs."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def decode(word: str) -> Cursor:
    """Return the cursor of a word of ours, an empty one of ""; raises InvalidInput."""
    if not word:
        return {}
    try:
        if len(word) > LONGEST:
            raise ValueError("too long")
        content = base64.b64decode(word + "=" * (-len(word) % 4), b"-_", validate=True)
        cursor = msgspec.json.decode(content, type=Cursor)
        if not all(0 <= number <= HIGHEST for number in cursor.values()):
            raise ValueError("out of range")
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        raise InvalidInput(
            "`before` is not a place in the list of jobs; pass `next` of the previous page "
            "unchanged."
        ) from None
    return cursor
