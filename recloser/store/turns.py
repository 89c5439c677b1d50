"""A rate limit for the whole account: whoever wants to act takes a turn, and waits until it comes.

SetAlarmState is limited for a whole account and Region, and several functions call it at once.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol

from recloser.errors import StoreError
from recloser.store.rows import encode

# No permit is named so: a permit's key has a # in it.
TURNS_KEY = "turns"
_ATTEMPTS = 3
_KEPT_SECONDS = 24 * 3600


class Turns(Protocol):
    """Gives out turns, one every so many milliseconds."""

    def take(self, now_ms: int, patience_ms: int) -> int | None:
        """Take the next turn; return how long to wait for it, or None: it is too far away.

        Args:
            now_ms: epoch milliseconds.
            patience_ms: how long to wait at most.

        Raises:
            StoreError: the table could not be written.

        """


class LocalTurns:
    """The turns of one process.

    Args:
        interval_ms: from one turn to the next.

    """

    def __init__(self, interval_ms: int) -> None:
        self._interval_ms = interval_ms
        self._next_ms = 0
        self._lock = threading.Lock()

    def take(self, now_ms: int, patience_ms: int) -> int | None:
        with self._lock:
            if self._next_ms - now_ms > _longest_queue_ms(patience_ms):
                self._next_ms = now_ms  # the clock was set back
            turn_ms = max(self._next_ms, now_ms)
            if turn_ms - now_ms > patience_ms:
                return None
            self._next_ms = turn_ms + self._interval_ms
            return turn_ms - now_ms


class DynamoDBTurns:
    """The turns of every process that uses the same table of permits.

    Args:
        client: a botocore or boto3 DynamoDB client.
        probe_table: name of the table of permits.
        interval_ms: from one turn to the next.

    """

    def __init__(self, client: Any, probe_table: str, interval_ms: int) -> None:
        self._client = client
        self._table = probe_table
        self._interval_ms = interval_ms

    def take(self, now_ms: int, patience_ms: int) -> int | None:
        for _ in range(_ATTEMPTS):
            if self._take_free(now_ms, patience_ms):
                return 0
            queued_ms = self._queue(now_ms, patience_ms)
            if queued_ms is not None:
                return max(0, queued_ms - now_ms)
        return None

    def _take_free(self, now_ms: int, patience_ms: int) -> bool:
        """Take a turn that is free now. One absurdly far ahead, or no number, was never given out."""
        taken = self._update(
            UpdateExpression="SET next_at = :then, expires = :expires",
            ConditionExpression="NOT attribute_type(next_at, :n) OR next_at <= :now OR next_at > :absurd",
            ExpressionAttributeValues={
                ":then": encode(now_ms + self._interval_ms),
                ":expires": encode(now_ms // 1000 + _KEPT_SECONDS),
                ":now": encode(now_ms),
                ":n": encode("N"),
                ":absurd": encode(now_ms + _longest_queue_ms(patience_ms)),
            },
        )
        return taken is not None

    def _queue(self, now_ms: int, patience_ms: int) -> int | None:
        taken = self._update(
            UpdateExpression="ADD next_at :interval",
            ConditionExpression="next_at > :now AND next_at <= :latest",
            ExpressionAttributeValues={
                ":interval": encode(self._interval_ms),
                ":now": encode(now_ms),
                ":latest": encode(now_ms + patience_ms),
            },
            ReturnValues="UPDATED_OLD",
        )
        return None if taken is None else int(taken["Attributes"]["next_at"]["N"])

    def _update(self, **update: Any) -> dict[str, Any] | None:
        """Return DynamoDB's answer; None: the condition does not hold."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (slow to import)

        try:
            answer: dict[str, Any] = self._client.update_item(
                TableName=self._table, Key={"permit": encode(TURNS_KEY)}, **update
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise StoreError(f"DynamoDB update_item: {error}") from error
        except BotoCoreError as error:
            raise StoreError(f"DynamoDB update_item: {error}") from error
        return answer


def _longest_queue_ms(patience_ms: int) -> int:
    """How far ahead a turn can lie that somebody took in order."""
    return 10 * (patience_ms + 1_000)
