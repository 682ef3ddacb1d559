"""Canonical JSON: the same value is the same text everywhere, so documents can be hashed."""

import json
from typing import Any

_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def to_json(value: Any) -> str:
    """Return canonical JSON: sorted keys, no spaces, text as it is.

    >>> to_json({"b": 1, "a": "满减"})
    '{"a":"满减","b":1}'
    """
    return _ENCODER.encode(value)
