"""The library's control side over this account's services, wired once per execution environment."""

from __future__ import annotations

import os

import boto3
from botocore.config import Config

from recloser.alarms import CloudWatchAlarms
from recloser.control import Control
from recloser.settings import CIRCUIT_TABLE, PROBE_TABLE, default_policy, required
from recloser.tables import DynamoDBTables

# A writer can wait longer than a caller: it has nobody on the line.
_CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 4})


def control() -> Control:
    """Make the control side that the stack's environment variables describe.

    Raises:
        SettingError: a variable is missing or not allowed.

    """
    tables = DynamoDBTables(
        required(os.environ, CIRCUIT_TABLE),
        required(os.environ, PROBE_TABLE),
        client=boto3.client("dynamodb", config=_CONFIG),
    )
    alarms = CloudWatchAlarms(boto3.client("cloudwatch", config=_CONFIG))
    return Control(tables, alarms, default_policy(os.environ))
