"""The library's control side over this account's services, wired once per execution environment."""

from __future__ import annotations

import os

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from recloser.control.alarms import CloudWatchAlarms
from recloser.control.control import Control
from recloser.control.settings import CIRCUIT_TABLE, PROBE_TABLE, SettingError, default_policy, required
from recloser.policy import RecoveryPolicy
from recloser.store.dynamodb import DynamoDBTables

logger = Logger()

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
    return Control(tables, alarms, _default_policy())


def _default_policy() -> RecoveryPolicy:
    """Read the stack's default policy. One that does not validate must not stop the breaker."""
    try:
        return default_policy(os.environ)
    except SettingError:
        logger.exception("the stack's parameters make no policy; the library's defaults hold")
        return RecoveryPolicy()
