"""The two tables in DynamoDB: the implementation that is deployed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recloser.circuit import DUE_SHARDS, Circuit, Probes, State
from recloser.errors import Conflict, StoreError
from recloser.store.report_rows import (
    SECONDS_PER_ITEM,
    SHARDS,
    Counted,
    Report,
    by_item,
    calls_attribute,
    decode_report,
    expires_at,
    failures_attribute,
    report_key,
    total,
)
from recloser.store.rows import (
    LARGEST_COUNT,
    SCHEMA,
    decode_circuit,
    decode_probes,
    encode,
    encode_circuit,
    encode_minted,
    permit_key,
)

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

    from recloser.decide import Decision, Mint  # callers carry no decisions: they need not load it

logger = logging.getLogger(__name__)

DUE_INDEX = "due"

# A claim that is turned away like this is a refusal: someone else has the permit, or will have it.
_BUSY = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionInProgressException",
}
# The item is in somebody's transaction at this moment.
_CONTENDED = "TransactionConflictException"
_ATTEMPTS_WHEN_BUSY = 3
_KEYS_PER_BATCH = 100  # "BatchGetItem", DynamoDB API reference


def dynamodb_client(connect_timeout: float, read_timeout: float, attempts: int) -> Any:
    """Make a low-level client; the timeouts in seconds.

    botocore takes longer to import than all the rest: it is, where it is needed, and not before.
    """
    from botocore.config import Config  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    return get_session().create_client("dynamodb", config=config)


class DynamoDBTables:
    """The tables in DynamoDB.

    Args:
        circuit_table: name of the table of circuits.
        probe_table: name of the table of permits.
        client: a botocore or boto3 DynamoDB client. By default one is made when it is first needed,
            with timeouts short enough (0.3 s to connect, 0.5 s to read, one retry) that the breaker
            is never the outage.

    """

    def __init__(self, circuit_table: str, probe_table: str, client: Any = None) -> None:
        self._circuit_table = circuit_table
        self._probe_table = probe_table
        self._given_client = client
        self._problems_told: set[tuple[str, str]] = set()

    @property
    def _client(self) -> Any:
        if self._given_client is None:
            self._given_client = dynamodb_client(connect_timeout=0.3, read_timeout=0.5, attempts=2)
        return self._given_client

    def read(self, name: str, *, consistent: bool = False) -> Circuit:
        item = self._get(self._circuit_table, {"circuit": encode(name)}, consistent=consistent)
        return Circuit(name) if item is None else self._understand(name, item)

    def read_many(self, names: Iterable[str]) -> dict[str, Circuit]:
        wanted = list(names)
        if len(wanted) == 1:
            return {wanted[0]: self.read(wanted[0])}
        circuits = {name: Circuit(name) for name in wanted}
        for start in range(0, len(wanted), _KEYS_PER_BATCH):
            keys = [{"circuit": encode(name)} for name in wanted[start : start + _KEYS_PER_BATCH]]
            for item in self._batch(self._circuit_table, keys, consistent=False):
                name = item["circuit"]["S"]
                circuits[name] = self._understand(name, item)
        return circuits

    def _batch(
        self, table: str, keys: Sequence[Mapping[str, Any]], *, consistent: bool
    ) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {table: {"Keys": keys, "ConsistentRead": consistent}}
        for _ in range(_ATTEMPTS_WHEN_BUSY):
            answer = self._call("batch_get_item", RequestItems=request)
            yield from answer["Responses"].get(table, [])
            request = answer.get("UnprocessedKeys") or {}
            if not request:
                return
        raise _Busy(f"DynamoDB batch_get_item: {len(request[table]['Keys'])} keys unprocessed")

    def read_probes(self, name: str, generation: int) -> Probes | None:
        item = self._get(self._probe_table, _permit(name, generation), consistent=True)
        if item is None:
            return None
        _, probes, problems = decode_probes(item)
        self._tell(name, problems)
        return None if problems else probes

    def commit(self, before: Circuit, decision: Decision) -> None:
        if decision.circuit is None:
            return
        update = self._circuit_update(before, decision.circuit)
        try:
            if decision.mint is None:
                self._call("update_item", **update)
            else:
                minted = self._minting(before.name, decision.mint)
                self._call("transact_write_items", TransactItems=[{"Update": update}, minted])
        except _Contended as error:
            raise Conflict(str(error)) from error

    def claim(self, name: str, generation: int, now_ms: int) -> int | None:
        # The client repeats a request whose answer it did not get: the mark tells that the first was granted.
        mark = f"claim_{os.urandom(8).hex()}"
        try:
            answer = self._call(
                "update_item",
                TableName=self._probe_table,
                Key=_permit(name, generation),
                UpdateExpression="SET #mark = granted + :one ADD granted :one",
                ConditionExpression="granted < allowed AND opens_at <= :now AND attribute_not_exists(#mark)",
                ExpressionAttributeNames={"#mark": mark},
                ExpressionAttributeValues={":one": encode(1), ":now": encode(now_ms)},
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except Conflict as error:
            return _granted_before(mark, error)
        except _Busy:
            return None
        return int(answer["Attributes"]["granted"]["N"])

    def report(self, name: str, generation: int, number: int, *, succeeded: bool) -> None:
        self._update_permit(
            name,
            generation,
            UpdateExpression="ADD #outcome :number",
            ConditionExpression="attribute_exists(permit)",
            ExpressionAttributeNames={"#outcome": "succeeded" if succeeded else "failed"},
            ExpressionAttributeValues={":number": encode(frozenset([number]))},
        )

    def give_back(self, name: str, generation: int, number: int) -> None:
        self._update_permit(
            name,
            generation,
            UpdateExpression="ADD returned :number, allowed :one",
            ConditionExpression="attribute_exists(permit) AND NOT contains(returned, :given)",
            ExpressionAttributeValues={
                ":number": encode(frozenset([number])),
                ":given": encode(number),
                ":one": encode(1),
            },
        )

    def report_failures(self, name: str, generation: int, shard: int, report: Report) -> None:
        for first, seconds in by_item(report).items():  # nearly always one
            self._call(
                "update_item",
                TableName=self._probe_table,
                Key={"permit": encode(report_key(name, generation, shard, first))},
                **_adding(first, seconds),
            )

    def read_failures(
        self, name: str, generation: int, since_second: int, until_second: int
    ) -> dict[int, Counted]:
        firsts = range(since_second - since_second % SECONDS_PER_ITEM, until_second + 1, SECONDS_PER_ITEM)
        keys = [
            {"permit": encode(report_key(name, generation, shard, first))}
            for first in firsts
            for shard in range(SHARDS)
        ]
        reports = []
        for item in self._batch(self._probe_table, keys, consistent=True):
            _, _, report, problems = decode_report(item)
            for problem in problems:
                logger.warning("circuit %s: a report is turned away: %s", name, problem)
            reports.append(report)
        return {at: each for at, each in total(reports).items() if since_second <= at <= until_second}

    def due(self, now_ms: int) -> Iterator[str]:
        for shard in range(DUE_SHARDS):
            for item in self._pages(
                "query",
                TableName=self._circuit_table,
                IndexName=DUE_INDEX,
                KeyConditionExpression="due = :shard AND due_at <= :now",
                ExpressionAttributeValues={":shard": encode(shard), ":now": encode(now_ms)},
            ):
                yield item["circuit"]["S"]

    def not_closed(self) -> Iterator[Circuit]:
        for item in self._pages(
            "scan",
            TableName=self._circuit_table,
            FilterExpression="#state <> :closed OR attribute_exists(#override)",
            ExpressionAttributeNames={"#state": "state", "#override": "override"},
            ExpressionAttributeValues={":closed": encode(str(State.CLOSED))},
        ):
            yield self._understand(item["circuit"]["S"], item)

    def scan(self) -> Iterator[Circuit]:
        for item in self._pages("scan", TableName=self._circuit_table):
            yield self._understand(item["circuit"]["S"], item)

    def _get(self, table: str, key: Mapping[str, Any], *, consistent: bool) -> dict[str, Any] | None:
        answer = self._call("get_item", TableName=table, Key=key, ConsistentRead=consistent)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    def _pages(self, operation: str, **request: Any) -> Iterator[dict[str, Any]]:
        start: dict[str, Any] = {}
        while True:
            answer = self._call(operation, **request, **start)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _circuit_update(self, before: Circuit, after: Circuit) -> dict[str, Any]:
        """Set what is known, remove what is absent, leave alone what a newer schema may have added."""
        attributes = encode_circuit(after)
        if before.revision and after.policy == before.policy:
            # As it was read: settings that this version did not understand are an operator's all the same.
            del attributes["policy"]
        names = {f"#{name}": name for name in attributes}
        values = {f":{name}": value for name, value in attributes.items() if value is not None}
        settings = [f"#{name} = :{name}" for name, value in attributes.items() if value is not None]
        settings.append("#schema = if_not_exists(#schema, :schema)")
        removals = [f"#{name}" for name, value in attributes.items() if value is None]
        expression = f"SET {', '.join(settings)}"
        # A revision written by hand may be no whole number; it is read rounded down.
        condition = "#revision >= :before AND #revision < :revision"
        values[":before"] = encode(before.revision)
        if not before.revision:
            # Revision 0 is none at all, or what an operator wrote by hand and cannot be one.
            condition = (
                "NOT attribute_type(#revision, :number) OR #revision < :revision OR #revision > :largest"
            )
            values |= {":number": encode("N"), ":largest": encode(LARGEST_COUNT)}
            del values[":before"]
        return {
            "TableName": self._circuit_table,
            "Key": {"circuit": encode(after.name)},
            "UpdateExpression": f"{expression} REMOVE {', '.join(removals)}" if removals else expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names | {"#schema": "schema"},
            "ExpressionAttributeValues": values | {":schema": encode(SCHEMA)},
        }

    def _minting(self, name: str, mint: Mint) -> dict[str, Any]:
        if mint.opens_at_ms is not None:
            # Unconditional: the revision in the same transaction fences it, and an item that is already
            # there can only be the remains of a circuit that was deleted by hand.
            item = encode_minted(name, mint.generation, mint.permits, mint.opens_at_ms)
            return {"Put": {"TableName": self._probe_table, "Item": item}}
        return {
            "Update": {
                "TableName": self._probe_table,
                "Key": _permit(name, mint.generation),
                "UpdateExpression": "ADD allowed :permits",
                "ConditionExpression": "attribute_exists(permit)",
                "ExpressionAttributeValues": {":permits": encode(mint.permits)},
            }
        }

    def _update_permit(self, name: str, generation: int, **update: Any) -> None:
        for attempt in range(1, _ATTEMPTS_WHEN_BUSY + 1):
            try:
                self._call(
                    "update_item", TableName=self._probe_table, Key=_permit(name, generation), **update
                )
            except Conflict:
                return  # told before, or the generation is long gone: either way it changes nothing
            except _Busy:
                if attempt == _ATTEMPTS_WHEN_BUSY:
                    raise
            else:
                return

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**request)
        except ClientError as error:
            raise _translated(operation, error) from error
        except BotoCoreError as error:
            raise StoreError(f"DynamoDB {operation}: {error}") from error
        return answer

    def _understand(self, name: str, item: Mapping[str, Any]) -> Circuit:
        circuit, problems = decode_circuit(name, item)
        self._tell(name, problems)
        return circuit

    def _tell(self, name: str, problems: list[str]) -> None:
        """Log each problem once: callers read the same item every few seconds."""
        for problem in problems:
            if (name, problem) not in self._problems_told:
                self._problems_told.add((name, problem))
                logger.error("circuit %s: stored item: %s", name, problem)


class _Busy(StoreError):  # noqa: N818  (not an error by itself: a reason to ask again)
    """DynamoDB turned the request away, for now."""


class _Contended(_Busy):
    """Another writer has the item in a transaction: a commit has lost the race, a report asks again."""


def _granted_before(mark: str, refusal: Conflict) -> int | None:
    """The number that an earlier attempt of the same claim was granted; None: it was not."""
    response = getattr(refusal.__cause__, "response", {})
    number = response.get("Item", {}).get(mark)
    return None if number is None else int(number["N"])


def _adding(first: int, report: Report) -> dict[str, Any]:
    """Add counts to the item that begins with a second. The item need not exist."""
    values = {":expires": encode(expires_at(first))}
    additions = []
    for second, counted in report.items():
        for attribute, count in (
            (calls_attribute(second), counted.calls),
            (failures_attribute(second), counted.failures),
        ):
            if count:
                values[f":{attribute}"] = encode(count)
                additions.append(f"{attribute} :{attribute}")
    return {
        "UpdateExpression": f"SET expires = if_not_exists(expires, :expires) ADD {', '.join(additions)}",
        "ExpressionAttributeValues": values,
    }


def _permit(name: str, generation: int) -> dict[str, Any]:
    return {"permit": encode(permit_key(name, generation))}


def _translated(operation: str, error: ClientError) -> StoreError:
    code = error.response["Error"]["Code"]
    if code == "TransactionCanceledException":
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
        if reasons & {"ConditionalCheckFailed", "TransactionConflict"}:
            return Conflict(f"DynamoDB {operation}: {', '.join(sorted(filter(None, reasons)))}")
    if code == "ConditionalCheckFailedException":
        return Conflict(f"DynamoDB {operation}: the condition does not hold")
    if code == _CONTENDED:
        return _Contended(f"DynamoDB {operation}: {code}")
    if code in _BUSY:
        return _Busy(f"DynamoDB {operation}: {code}")
    return StoreError(f"DynamoDB {operation}: {error}")
