"""Every implementation of the tables: in memory, in moto, and in a ministack that really listens.

`make contract-dynamodb-local` adds Amazon's DynamoDB Local.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import dynamodb_local
import pytest
from botocore.config import Config
from moto import mock_aws
from stored_tables import StoredTables, create_tables

from recloser.lab.local_aws.emulator import REGION, Emulator
from recloser.store.memory import MemoryTables
from recloser.store.tables import Tables

_numbers = itertools.count(1)
_AMAZONS = ["dynamodb_local"] if dynamodb_local.is_wanted() else []


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path_factory.mktemp("ministack") / "ministack.log")
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture(scope="session")
def ministack_client(emulator: Emulator) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=emulator.endpoint_url,
        region_name=REGION,
        aws_access_key_id="123456789012",
        aws_secret_access_key="none",
        config=Config(max_pool_connections=20, retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="session")
def moto_client() -> Any:
    return boto3.client(
        "dynamodb", region_name=REGION, aws_access_key_id="123456789012", aws_secret_access_key="none"
    )


@pytest.fixture
def in_moto(no_real_aws: Mapping[str, str], moto_client: Any) -> Iterator[StoredTables]:
    with mock_aws():
        yield create_tables(moto_client, "moto")


@pytest.fixture
def in_ministack(ministack_client: Any) -> StoredTables:
    return create_tables(ministack_client, str(next(_numbers)))


@pytest.fixture(scope="session")
def dynamodb_local_client() -> Iterator[Any]:
    with dynamodb_local.running() as endpoint_url:
        yield boto3.client(
            "dynamodb",
            endpoint_url=endpoint_url,
            region_name=REGION,
            aws_access_key_id="123456789012",
            aws_secret_access_key="none",
            config=Config(max_pool_connections=20, retries={"total_max_attempts": 1}),
        )


@pytest.fixture
def in_dynamodb_local(dynamodb_local_client: Any) -> StoredTables:
    return create_tables(dynamodb_local_client, str(next(_numbers)))


@pytest.fixture(params=["moto", "ministack", *_AMAZONS])
def stored(request: pytest.FixtureRequest) -> StoredTables:
    """Both tables in a DynamoDB, whose items a test may look at."""
    tables: StoredTables = request.getfixturevalue(f"in_{request.param}")
    return tables


@pytest.fixture(params=["memory", "moto", "ministack", *_AMAZONS])
def tables(request: pytest.FixtureRequest) -> Tables:
    """Every implementation of the contract."""
    if request.param == "memory":
        return MemoryTables()
    stored: StoredTables = request.getfixturevalue(f"in_{request.param}")
    return stored.tables()


@pytest.fixture(params=["memory", "ministack", *_AMAZONS])
def shared_tables(request: pytest.FixtureRequest) -> Tables:
    """Those that may be written from many threads at once: moto's update is no atomic step in-process."""
    if request.param == "memory":
        return MemoryTables()
    stored: StoredTables = request.getfixturevalue(f"in_{request.param}")
    return stored.tables()
