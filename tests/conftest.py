"""What the tests over AWS's doubles have in common: an environment that can reach no real account."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

# This machine's profiles and credentials are taken away, before any client is made.
NO_REAL_AWS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "123456789012",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture
def no_real_aws(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Give this test credentials that no account has, and return the variables."""
    for name, value in NO_REAL_AWS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return NO_REAL_AWS
