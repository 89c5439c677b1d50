"""`make aws-check`, against the local AWS."""

from __future__ import annotations

import os
import subprocess
import sys

from stored_tables import ROOT

from recloser.lab.local_aws.emulator import client_environment
from recloser.lab.local_aws.local_aws import LocalAws


def check(aws: LocalAws, answer: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "release" / "aws_check.py"],
        input=f"{answer}\n",
        env=os.environ | client_environment(aws.endpoint_url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_asks_first(aws: LocalAws) -> None:
    """It names the account and the stack, and does nothing without a yes."""
    done = check(aws, "n")
    assert "account 123456789012" in done.stdout
    assert "stack recloser; reads only" in done.stdout
    assert "ok" not in done.stdout
    assert done.returncode == 1


def test_it_says_what_is_as_it_should_be(aws: LocalAws) -> None:
    """Each question has its line; what the local AWS knows is as it should be."""
    done = check(aws, "y")
    assert "ok   the dashboard names circuits" in done.stdout
    assert "ok   any circuit is watched" in done.stdout
    assert done.stderr == ""
