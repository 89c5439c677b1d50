"""One emulator for all tests of this folder; each test uses names of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from recloser.lab.local_aws.emulator import ACCOUNT, REGION, Emulator

Clients = Callable[[str], Any]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path_factory.mktemp("emulator") / "ministack.log")
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture(scope="session")
def client(emulator: Emulator) -> Clients:
    session: Any = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="local", region_name=REGION)
    return lambda service: session.client(service, endpoint_url=emulator.endpoint_url)
