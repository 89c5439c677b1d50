"""Publishes outages to the SNS topic for people, if the stack has one."""

from __future__ import annotations

import functools
import os
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session
from discarded import discard
from notice import Notice

OUTAGE_TOPIC = "RECLOSER_OUTAGE_TOPIC"


def tell_people(notice: Notice | None) -> None:
    """Publish to the topic. A topic that does not take it must not hold up the events of other circuits."""
    topic = os.environ.get(OUTAGE_TOPIC)
    if not topic or notice is None:
        return
    try:
        _topics().publish(
            TopicArn=topic, Subject=notice.subject, MessageStructure="json", Message=notice.message()
        )
    except (BotoCoreError, ClientError) as error:
        discard("announce", f"topic {topic} could not be told that {notice.subject}: {error}")


@functools.cache
def _topics() -> Any:
    return get_session().create_client("sns")
