"""The two tables in DynamoDB: the implementation that is deployed."""

from __future__ import annotations

import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from recloser.circuit import DUE_SHARDS, Circuit, Probes, State
from recloser.errors import Conflict, StoreError
from recloser.plain_text import printable
from recloser.store.client import ClientOfProcess, import_seconds
from recloser.store.deadline import DEADLINE_SECONDS, Budget, Deadline, NoAnswer
from recloser.store.report_rows import (
    ALL_SHARDS,
    SECONDS_PER_ITEM,
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
_DENIED = "AccessDeniedException"
_FIRST_SERVER_ERROR = 500
_ATTEMPTS_WHEN_BUSY = 3
_ATTEMPTS_WITHOUT_ANSWER = 2
_KEYS_PER_BATCH = 100  # "BatchGetItem", DynamoDB API reference
_MARKS_KEPT = 1000
_PROBLEMS_KEPT = 1000

T = TypeVar("T")


class DynamoDBTables:
    """The tables in DynamoDB.

    With a client of its own no method takes longer than 1.5 s, whatever the network, the resolution of names,
    the search for credentials or throttling do; while DynamoDB does not answer, none takes longer than 0.1 s.
    Only where importing botocore alone takes more than a second, the first takes 0.5 s longer than that. What
    takes longer raises StoreError. With a given client the time is the client's.

    Within that time, requests that were throttled or got no answer are sent again after a short random pause.

    Args:
        circuit_table: name of the table of circuits.
        probe_table: name of the table of permits.
        client: a botocore or boto3 DynamoDB client. By default one is made when it is first needed, with
            0.3 s to connect and 0.5 s to read; a new one after a fork, and where credentials were missing.
            Of a given one, a forked child closes the connections before it makes new ones with it. Whoever
            uses the same client for something else must not be within a request at that moment.
        sleep: waits for so many seconds. For tests.

    """

    def __init__(
        self,
        circuit_table: str,
        probe_table: str,
        client: Any = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._circuit_table = circuit_table
        self._probe_table = probe_table
        self._clients = ClientOfProcess(client)
        self._sleep = sleep
        self._problems_told: set[tuple[str, str]] = set()
        self._begin()

    def _begin(self) -> None:
        self._deadline = Deadline()
        self._marks: OrderedDict[tuple[str, int, int], str] = OrderedDict()
        # By circuit: generation and mark of a claim that may have been granted, without an answer. One thread
        # takes it out for its next claim, so that no two get the same permit.
        self._unanswered: dict[str, tuple[int | None, str]] = {}
        self._is_batch_denied = False

    @property
    def _client(self) -> Any:
        return self._clients.get()

    def _exchange(
        self, name: str, exchange: Callable[[Budget], T], if_late: Callable[[T], object] | None = None
    ) -> T:
        """Run an exchange, by the deadline where the client is our own."""
        if self._clients.leave_parent():
            self._begin()
        if not self._clients.is_own:
            return exchange(Budget(DEADLINE_SECONDS, self._sleep))
        return self._deadline.run(
            f"DynamoDB {name}", exchange, spent_seconds=import_seconds(), if_late=if_late
        )

    # --- Reading ---------------------------------------------------------------------------------

    def read(self, name: str, *, consistent: bool = False) -> Circuit:
        return self._exchange("get_item", lambda budget: self._read(budget, name, consistent=consistent))

    def _read(self, budget: Budget, name: str, *, consistent: bool = False) -> Circuit:
        item = self._get(budget, self._circuit_table, {"circuit": encode(name)}, consistent=consistent)
        return Circuit(name) if item is None else self._understand(name, item)

    def read_many(self, names: Iterable[str]) -> dict[str, Circuit]:
        wanted = list(dict.fromkeys(names))
        if len(wanted) == 1:
            return {wanted[0]: self.read(wanted[0])}
        return self._exchange("batch_get_item", lambda budget: self._read_many(budget, wanted))

    def _read_many(self, budget: Budget, wanted: Sequence[str]) -> dict[str, Circuit]:
        if not self._is_batch_denied:
            try:
                return self._read_batches(budget, wanted)
            except _Denied:
                # A policy may name the keys of its role's circuits: one other key denies the whole batch.
                self._is_batch_denied = True
        return self._read_each(budget, wanted)

    def _read_batches(self, budget: Budget, wanted: Sequence[str]) -> dict[str, Circuit]:
        circuits = {name: Circuit(name) for name in wanted}
        for start in range(0, len(wanted), _KEYS_PER_BATCH):
            keys = [{"circuit": encode(name)} for name in wanted[start : start + _KEYS_PER_BATCH]]
            for item in self._batch(budget, self._circuit_table, keys, consistent=False):
                name = item["circuit"]["S"]
                if name not in circuits:
                    raise _wrong_item("batch_get_item", name)
                circuits[name] = self._understand(name, item)
        return circuits

    def _batch(
        self, budget: Budget, table: str, keys: Sequence[Mapping[str, Any]], *, consistent: bool
    ) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {table: {"Keys": keys, "ConsistentRead": consistent}}
        attempt = 1
        while request:
            answer = self._call(budget, "batch_get_item", RequestItems=request)
            yield from answer["Responses"].get(table, [])
            request = answer.get("UnprocessedKeys") or {}
            if request and (attempt >= _ATTEMPTS_WHEN_BUSY or not budget.pause(attempt)):
                raise _Busy(f"DynamoDB batch_get_item: {len(request[table]['Keys'])} keys unprocessed")
            attempt += 1

    def _read_each(self, budget: Budget, wanted: Sequence[str]) -> dict[str, Circuit]:
        """Read one by one; leave out what may not be read, unless that is all."""
        circuits: dict[str, Circuit] = {}
        denied: StoreError | None = None
        for name in wanted:
            try:
                circuits[name] = self._read(budget, name)
            except _Denied as error:
                denied = error
                self._tell(name, [str(error)])
        if denied is not None and not circuits:
            raise denied
        return circuits

    def read_probes(self, name: str, generation: int) -> Probes | None:
        key = _permit(name, generation)
        item = self._exchange(
            "get_item", lambda budget: self._get(budget, self._probe_table, key, consistent=True)
        )
        if item is None:
            return None
        _, probes, problems = decode_probes(item)
        self._tell(name, problems)
        return None if problems else probes

    # --- Writing ---------------------------------------------------------------------------------

    def commit(self, before: Circuit, decision: Decision) -> None:
        if decision.circuit is None:
            return
        operation, request = self._commit_request(before, decision.circuit, decision.mint)
        try:
            self._exchange(
                operation, lambda budget: self._call(budget, operation, attempts_when_busy=1, **request)
            )
        except _Contended as error:
            raise Conflict(str(error)) from error

    def _commit_request(
        self, before: Circuit, after: Circuit, mint: Mint | None
    ) -> tuple[str, dict[str, Any]]:
        update = self._circuit_update(before, after)
        if mint is None:
            return "update_item", update
        minted = self._minting(before.name, mint)
        return "transact_write_items", {"TransactItems": [{"Update": update}, minted]}

    def claim(self, name: str, generation: int, now_ms: int) -> int | None:
        def give_back_late(number: int | None) -> None:
            if number is not None:
                self.give_back(name, generation, number)

        return self._exchange(
            "update_item",
            lambda budget: self._claim(budget, name, generation, now_ms),
            if_late=give_back_late,  # nobody waits for it any more: it is for others
        )

    def _claim(self, budget: Budget, name: str, generation: int, now_ms: int) -> int | None:
        # A request whose answer was lost is sent again, now or by the next claim: the mark tells whether the
        # first was granted.
        of_generation, mark = self._unanswered.pop(name, (None, ""))
        if of_generation != generation:
            mark = f"claim_{os.urandom(8).hex()}"
        try:
            answer = self._call(
                budget,
                "update_item",
                attempts_when_busy=1,
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
            number = _granted_before(mark, error)
        except _Busy:
            self._unanswered[name] = (generation, mark)
            return None
        except NoAnswer:
            self._unanswered[name] = (generation, mark)
            raise
        else:
            number = _probe_number(answer["Attributes"]["granted"])
        if number is not None:
            self._keep_mark((name, generation, number), mark)
        return number

    def _keep_mark(self, permit: tuple[str, int, int], mark: str) -> None:
        self._marks[permit] = mark
        if len(self._marks) > _MARKS_KEPT:  # probes that never ended
            self._marks.popitem(last=False)

    def report(self, name: str, generation: int, number: int, *, succeeded: bool) -> None:
        self._settle(
            name,
            generation,
            number,
            expression="ADD #outcome :number",
            condition="attribute_exists(permit)",
            names={"#outcome": "succeeded" if succeeded else "failed"},
            values={":number": encode(frozenset([number]))},
        )

    def give_back(self, name: str, generation: int, number: int) -> None:
        self._settle(
            name,
            generation,
            number,
            expression="ADD returned :number, allowed :one",
            condition="attribute_exists(permit) AND NOT contains(returned, :given)",
            names={},
            values={
                ":number": encode(frozenset([number])),
                ":given": encode(number),
                ":one": encode(1),
            },
        )

    def _settle(
        self,
        name: str,
        generation: int,
        number: int,
        *,
        expression: str,
        condition: str,
        names: dict[str, str],
        values: dict[str, Any],
    ) -> None:
        """Say what became of a permit, and take its mark away: marks that stayed would fill the item."""
        mark = self._marks.pop((name, generation, number), None)
        if mark is not None:
            expression, names = f"{expression} REMOVE #mark", names | {"#mark": mark}
        request: dict[str, Any] = {
            "TableName": self._probe_table,
            "Key": _permit(name, generation),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        if names:
            request["ExpressionAttributeNames"] = names
        try:
            self._exchange("update_item", lambda budget: self._call(budget, "update_item", **request))
        except Conflict:
            return  # told before, or the generation is long gone: either way it changes nothing

    # --- Reports of failures ------------------------------------------------------------------------

    def report_failures(self, name: str, generation: int, shard: int, report: Report) -> None:
        for first, seconds in by_item(report).items():  # nearly always one
            request = {
                "TableName": self._probe_table,
                "Key": {"permit": encode(report_key(name, generation, shard, first))},
                **_adding(first, seconds),
            }
            self._exchange("update_item", lambda budget: self._call(budget, "update_item", **request))  # noqa: B023  (called at once)

    def read_failures(
        self, name: str, generation: int, since_second: int, until_second: int
    ) -> dict[int, Counted]:
        firsts = range(since_second - since_second % SECONDS_PER_ITEM, until_second + 1, SECONDS_PER_ITEM)
        keys = [
            {"permit": encode(report_key(name, generation, shard, first))}
            for first in firsts
            for shard in range(ALL_SHARDS)
        ]
        items = self._exchange(
            "batch_get_item",
            lambda budget: list(self._batch(budget, self._probe_table, keys, consistent=True)),
        )
        reports = []
        for item in items:
            _, _, report, problems = decode_report(item)
            self._tell(name, problems, what="a report is turned away")
            reports.append(report)
        return {at: each for at, each in total(reports).items() if since_second <= at <= until_second}

    # --- All circuits ----------------------------------------------------------------------------

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

    def _pages(self, operation: str, **request: Any) -> Iterator[dict[str, Any]]:
        start: dict[str, Any] = {}
        while True:
            answer = self._page(operation, request | start)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _page(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        return self._exchange(operation, lambda budget: self._call(budget, operation, **request))

    # --- Requests --------------------------------------------------------------------------------

    def _get(
        self, budget: Budget, table: str, key: Mapping[str, Any], *, consistent: bool
    ) -> dict[str, Any] | None:
        answer = self._call(budget, "get_item", TableName=table, Key=key, ConsistentRead=consistent)
        item: dict[str, Any] | None = answer.get("Item")
        if item is not None and any(item.get(attribute) != value for attribute, value in key.items()):
            raise _wrong_item("get_item", item)
        return item

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
        # A revision written manually may be no whole number; it is read rounded down.
        condition = "#revision >= :before AND #revision < :revision"
        values[":before"] = encode(before.revision)
        if not before.revision:
            # Revision 0 is none at all, or what an operator wrote manually and cannot be one.
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
            # there can only be the remains of a circuit that was deleted manually.
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

    def _call(
        self,
        budget: Budget,
        operation: str,
        *,
        attempts_when_busy: int = _ATTEMPTS_WHEN_BUSY,
        **request: Any,
    ) -> dict[str, Any]:
        """Send a request, again where that may help and there is time. All of them may be repeated."""
        attempt = 1
        while True:
            try:
                return self._ask(operation, request)
            except _Busy:
                if attempt >= attempts_when_busy or not budget.pause(attempt):
                    raise
            except NoAnswer:
                # A given client has tried again by itself.
                if (
                    not self._clients.is_own
                    or attempt >= _ATTEMPTS_WITHOUT_ANSWER
                    or not budget.pause(attempt)
                ):
                    raise
            attempt += 1

    def _ask(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        from botocore.exceptions import (  # noqa: PLC0415
            BotoCoreError,
            ClientError,
            ConnectionError,  # noqa: A004
            HTTPClientError,
            IncompleteReadError,
        )
        from botocore.parsers import ResponseParserError  # noqa: PLC0415

        try:
            answer: dict[str, Any] = getattr(self._clients.get(), operation)(**request)
        except ClientError as error:
            self._clients.forget_without_credentials(error)
            raise _translated(operation, error) from error
        except (ConnectionError, HTTPClientError, IncompleteReadError, ResponseParserError) as error:
            raise NoAnswer(f"DynamoDB {operation}: {error}") from error
        except BotoCoreError as error:
            self._clients.forget_without_credentials(error)
            raise StoreError(f"DynamoDB {operation}: {error}") from error
        return answer

    def _understand(self, name: str, item: Mapping[str, Any]) -> Circuit:
        circuit, problems = decode_circuit(name, item)
        self._tell(name, problems)
        return circuit

    def _tell(self, name: str, problems: list[str], what: str = "stored item") -> None:
        """Log each problem once: callers read the same item every few seconds."""
        for problem in problems:
            if (name, problem) not in self._problems_told:
                if len(self._problems_told) >= _PROBLEMS_KEPT:  # somebody writes ever new ones
                    self._problems_told.clear()
                self._problems_told.add((name, problem))
                logger.error("circuit %s: %s: %s", printable(name), what, problem)


class _Busy(StoreError):  # noqa: N818  (not an error by itself: a reason to ask again)
    """DynamoDB turned the request away, for now."""


class _Contended(_Busy):
    """Another writer has the item in a transaction: a commit has lost the race, a report asks again."""


class _Denied(StoreError):  # noqa: N818
    """The permissions do not allow it."""


def _wrong_item(operation: str, what: object) -> NoAnswer:
    """Say that an answer was not ours. It must not be believed: it may be another circuit's."""
    return NoAnswer(f"DynamoDB {operation}: the answer is another item than was asked for: {what!r:.100}")


def _granted_before(mark: str, refusal: Conflict) -> int | None:
    """The number that an earlier attempt of the same claim was granted; None: it was not."""
    response = getattr(refusal.__cause__, "response", {})
    number = response.get("Item", {}).get(mark)
    return None if number is None else _probe_number(number)


def _probe_number(attribute: Mapping[str, Any]) -> int | None:
    """The number of a probe that was granted; None: its item was written manually, and counts nothing."""
    text = attribute.get("N", "")
    number = int(text) if text.isascii() and text.isdecimal() else 0
    return number if 1 <= number <= LARGEST_COUNT else None


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
    if code == _DENIED:
        return _Denied(f"DynamoDB {operation}: {error}")
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _FIRST_SERVER_ERROR:
        return NoAnswer(f"DynamoDB {operation}: {error}")
    return StoreError(f"DynamoDB {operation}: {error}")
