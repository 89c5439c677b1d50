"""The deployed functions over a Region that moto keeps."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from deployed_functions import Clock, Functions, Region
from moto import mock_aws
from stored_tables import create_tables

SUFFIX = "functions"
CREDENTIALS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "123456789012",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
STACK: Mapping[str, str] = {
    "RECLOSER_CIRCUIT_TABLE": f"CircuitTable-{SUFFIX}",
    "RECLOSER_PROBE_TABLE": f"ProbeTable-{SUFFIX}",
    "RECLOSER_RECOVERY_TIMEOUT_SECONDS": "10",
    "RECLOSER_BACKOFF": "1",
    "RECLOSER_MAX_RECOVERY_TIMEOUT_SECONDS": "900",
    "RECLOSER_JITTER": "0.1",
    "RECLOSER_PERMITS": "10",
    "RECLOSER_SUCCESSES_TO_CLOSE": "5",
    "RECLOSER_PROBE_DEADLINE_SECONDS": "30",
    "RECLOSER_STABLE_AFTER_SECONDS": "600",
    "RECLOSER_STACK": "recloser",
    "RECLOSER_NAMESPACE": "Recloser",
    "RECLOSER_ACCOUNT": "123456789012",
    "AWS_REGION": "eu-west-1",
}


@pytest.fixture(scope="session")
def functions() -> Iterator[Functions]:
    """Import the handlers as Lambda does, once; their clients speak to whatever moto has at the time."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**CREDENTIALS, **STACK}.items():
            patch.setenv(name, value)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        modules = {}
        for name in ("flip_state", "start_recovery", "announce"):
            modules[name] = importlib.import_module(f"{name}.app")
        clock = Clock(now_ms=0)
        for name in ("flip_state", "start_recovery"):
            control = modules[name].CONTROL
            patch.setattr(control, "now_ms", clock)
            patch.setattr(control, "_sleep", lambda _seconds: None)
            patch.setattr(control.alarms, "_now_ms", clock)
            patch.setattr(control.alarms, "_sleep", lambda _seconds: None)
        yield Functions(**modules, clock=clock)


@pytest.fixture(scope="session")
def clients() -> dict[str, Any]:
    return {
        service: boto3.client(
            service,
            region_name="eu-west-1",
            aws_access_key_id="123456789012",
            aws_secret_access_key="none",
        )
        for service in ("dynamodb", "cloudwatch")
    }


@pytest.fixture
def region(functions: Functions, clients: dict[str, Any], no_real_aws: Mapping[str, str]) -> Iterator[Region]:
    with mock_aws():
        stored = create_tables(clients["dynamodb"], SUFFIX)
        yield Region(functions, stored, clients["cloudwatch"])
