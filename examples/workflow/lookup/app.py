"""Asks the service, and raises when it fails: that is what the workflow counts."""

from __future__ import annotations

import json
import os
import urllib.parse
import urllib.request
from typing import Any


def handler(event: dict[str, str], _context: object) -> dict[str, Any]:
    """Look up `key`, or raise OSError within two seconds."""
    url = f"{os.environ['SERVICE_URL']}/{urllib.parse.quote(event['key'], safe='')}"
    with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - an address of our own
        answer: dict[str, Any] = json.load(response)
    return answer
