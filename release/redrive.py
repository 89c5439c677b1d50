"""Tells again what `announce` gave up on: `make redrive`.

Lambda puts into the dead-letter queue only where the records stood in the stream of the circuit table. This
reads them there, hands them to the function once more, and deletes the letter when it took them. The stream
keeps records for 24 hours; a letter that is older stays in the queue, and is named. The account, the Region
and the credentials are the environment's; the stack is `recloser`, or what STACK names.
Source: "Retain discarded batches for a DynamoDB event source", AWS Lambda developer guide.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

GONE = {"TrimmedDataAccessException", "ResourceNotFoundException", "ExpiredIteratorException"}


class Redrive:
    """The queue, the stream and the function of one stack.

    Args:
        stack: its name.

    """

    def __init__(self, stack: str) -> None:
        session = get_session()
        self._sqs: Any = session.create_client("sqs")
        self._streams: Any = session.create_client("dynamodbstreams")
        self._lambda: Any = session.create_client("lambda")
        cloudformation: Any = session.create_client("cloudformation")

        def resource(name: str) -> str:
            found = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=name)
            return str(found["StackResourceDetail"]["PhysicalResourceId"])

        self._queue, self._function = resource("AnnounceDeadLetters"), resource("Announce")

    def run(self) -> int:
        """Go through the queue once; return how many letters are left in it."""
        left = 0
        while letters := self._sqs.receive_message(
            QueueUrl=self._queue, MaxNumberOfMessages=10, VisibilityTimeout=120
        ).get("Messages"):
            for letter in letters:
                problem = self._handle(json.loads(letter["Body"])["DDBStreamBatchInfo"])
                if problem:
                    left += 1
                    sys.stdout.write(f"left: {letter['MessageId']}: {problem}\n")
                else:
                    self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=letter["ReceiptHandle"])
        return left

    def _handle(self, batch: dict[str, Any]) -> str:
        """Tell the records of a letter again; return what went wrong, or nothing."""
        records = self._records(batch)
        if not records:
            return "its records are gone: recloser history shows what circuits did"
        answer = self._lambda.invoke(
            FunctionName=self._function,
            Payload=json.dumps({"Records": records}, default=lambda moment: moment.timestamp()),
        )
        told = json.load(answer["Payload"])
        if "FunctionError" in answer or told.get("batchItemFailures"):
            return f"announce failed again; its log says why: {told}"
        circuits = sorted({record["dynamodb"]["Keys"]["circuit"]["S"] for record in records})
        sys.stdout.write(f"told again: {', '.join(circuits)}\n")
        return ""

    def _records(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        """Read the records of a letter; none, if the stream has forgotten one of them."""
        try:
            found = self._read(batch)
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return []
            raise
        whole = found and found[-1]["dynamodb"]["SequenceNumber"] == batch["endSequenceNumber"]
        return found if whole else []

    def _read(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        stream = batch["streamArn"]
        found: list[dict[str, Any]] = []
        iterator = self._streams.get_shard_iterator(
            StreamArn=stream,
            ShardId=batch["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch["startSequenceNumber"],
        ).get("ShardIterator")
        while iterator and len(found) < batch["batchSize"]:
            page = self._streams.get_records(ShardIterator=iterator, Limit=batch["batchSize"] - len(found))
            found += [record | {"eventSourceARN": stream} for record in page["Records"]]
            iterator = page.get("NextShardIterator") if page["Records"] else None
        return found


def main() -> int:
    """Return 0 if the queue is empty afterwards, 1 if letters are left, 2 if AWS could not be asked."""
    try:
        return min(1, Redrive(os.environ.get("STACK", "recloser")).run())
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"redrive: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
