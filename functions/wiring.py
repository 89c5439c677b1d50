"""Connects the library's control side to AWS, once per execution environment."""

from __future__ import annotations

import functools
import logging
import os
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.session import get_session

from recloser.control.alarms import MINIMUM_CALLS, SET_ALARM_STATE_INTERVAL_MS, CloudWatchAlarms
from recloser.control.called_circuits import called_circuits
from recloser.control.control import Control
from recloser.control.evidence import CloudWatchCallCounts
from recloser.control.settings import CIRCUIT_TABLE, PROBE_TABLE, SettingError, default_policy, required
from recloser.control.stack import stack_of
from recloser.policy import RecoveryPolicy
from recloser.store.dynamodb import DynamoDBTables
from recloser.store.turns import DynamoDBTurns

if TYPE_CHECKING:
    from recloser.control.early_trip import EarlyTrip

logger = logging.getLogger("recloser.wiring")

# A function can wait longer than a caller: no user waits for it.
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=20,  # start_recovery moves many circuits at a time
)

STACK = stack_of(os.environ)


def control() -> Control:
    """Make the control side that the stack's environment variables describe.

    Raises:
        SettingError: a variable is missing or not allowed.

    """
    policy = _default_policy()
    alarms = _alarms(policy)
    counts = CloudWatchCallCounts(_client("cloudwatch"), STACK)
    return Control(_tables(), alarms, policy, alarm_data=alarms, counts=counts)


def early_trip() -> EarlyTrip:
    """Make what turns reported failures into a signal.

    Raises:
        SettingError: a variable is missing or not allowed.

    """
    # Only flip_state needs them.
    from recloser.control.cloudwatch_usual import CloudWatchUsual  # noqa: PLC0415
    from recloser.control.early_trip import EarlyTrip  # noqa: PLC0415

    usual = CloudWatchUsual(_client("cloudwatch"), _alarms(_default_policy()), STACK)
    return EarlyTrip(_tables(), usual)


def called() -> frozenset[str]:
    """Return the circuits that callers count calls of, also those that have no item.

    Raises:
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: CloudWatch does not say.

    """
    return called_circuits(_client("cloudwatch"), STACK.namespace)


@functools.cache
def _session() -> Any:
    """Return the one session: each reads the descriptions of Regions and endpoints anew."""
    return get_session()


@functools.cache
def _client(service: str) -> Any:
    return _session().create_client(service, config=_CONFIG)


def _tables() -> DynamoDBTables:
    circuit_table, probe_table = required(os.environ, CIRCUIT_TABLE), required(os.environ, PROBE_TABLE)
    return DynamoDBTables(circuit_table, probe_table, client=_client("dynamodb"))


def _alarms(policy: RecoveryPolicy) -> CloudWatchAlarms:
    return CloudWatchAlarms(
        _client("cloudwatch"),
        STACK,
        DynamoDBTurns(_client("dynamodb"), required(os.environ, PROBE_TABLE), SET_ALARM_STATE_INTERVAL_MS),
        minimum_calls=policy.minimum_calls or MINIMUM_CALLS,
    )


def _default_policy() -> RecoveryPolicy:
    """Read the stack's default policy. One that does not validate must not stop the breaker."""
    try:
        return default_policy(os.environ)
    except SettingError:
        logger.exception("the stack's parameters make no policy; the library's defaults hold")
        return RecoveryPolicy()
