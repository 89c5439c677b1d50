"""What the tests over AWS's doubles have in common: an environment that can reach no real account."""

from __future__ import annotations

import os

import pytest

REGION = "eu-west-1"


@pytest.fixture(scope="session")
def no_real_aws() -> None:
    """Take this machine's profiles and credentials away, before any client is made."""
    os.environ.update(
        AWS_ACCESS_KEY_ID="123456789012",
        AWS_SECRET_ACCESS_KEY="none",
        AWS_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
    )
    for variable in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        os.environ.pop(variable, None)
