"""Handles a batch of a table's stream record by record, and tells Lambda which records to retry.

Source: "Configuring partial batch response with DynamoDB and Lambda", Lambda developer guide.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from recloser.errors import EventError

logger = logging.getLogger("recloser.stream_batch")


def each_record(event: Mapping[str, Any], handle: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Handle the records of a batch.

    A record that fails is brought again, with all that come after it. Those were handled all the same: what
    is done twice changes nothing.

    Args:
        event: the batch.
        handle: handles one record; it raises what may pass by itself, such as a table's throttling.

    Raises:
        EventError: the event holds no list of records, so that nothing can be brought again singly.

    """
    records = event.get("Records")
    if not isinstance(records, list) or not records:
        raise EventError(
            f"event is no batch of a stream: Records must be a list of records; it is {records!r:.100}"
        )
    failed = []
    for record in records:
        try:
            handle(record)
        except Exception:
            # Where one record of many fails, nobody sees its error but the log.
            logger.exception("a record failed and comes again", extra={"event_id": record.get("eventID")})
            failed.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
    return {"batchItemFailures": failed}
