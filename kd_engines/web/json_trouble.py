"""Why a request's body cannot be read as JSON, in words that say what to send instead."""

import json
import re

_HALF_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}
_ON_SURROGATES = ("surrogate", "truncated")  # as msgspec says it
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _NoNumber(Exception):
    """NaN or Infinity."""


def json_trouble(body: bytes, error: Exception) -> str:
    """Return a sentence without its full stop about a body on which ``error`` was raised.

    Nothing of the body is in it but a byte's value.
    """
    for begin, name in _COMPRESSED.items():
        if body.startswith(begin):
            return f"The request's body is compressed ({name}); send it uncompressed"
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        return (
            f"The request's body is not UTF-8 text (byte {wrong.start} is "
            f"0x{body[wrong.start]:02X}); encode it as UTF-8"
        )
    if _has_no_number(body):
        return "The request's JSON has NaN or Infinity, which JSON does not have; send null"
    if _HALF_SURROGATE.search(body) and any(word in str(error) for word in _ON_SURROGATES):
        return "The request's JSON has half of a surrogate pair (\\ud83d alone); send whole ones"
    return f"The request's JSON is not as it must be: {error}"


def _has_no_number(body: bytes) -> bool:
    if b"NaN" not in body and b"Infinity" not in body:
        return False

    def found(_: str) -> None:
        raise _NoNumber

    try:
        json.loads(body, parse_constant=found)
    except _NoNumber:
        return True
    except (ValueError, RecursionError):
        return False
    return False
