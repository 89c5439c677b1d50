"""What the local AWS mends in ministack's permissions, inside ministack's own process.

ministack enforces the policies of every role, but does not know the condition keys of PutEvents, so that a
policy which names the source of the events it allows would allow none.
Source of the keys: "Using IAM policy conditions in Amazon EventBridge", EventBridge user guide.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

PUT_EVENTS = "events:PutEvents"
# Condition key: member of an entry of PutEvents.
ENTRY_KEYS = {"events:source": "Source", "events:detail-type": "DetailType"}

Context = dict[str, Any]


def mend(iam_actions: Any) -> None:
    """Let conditions on the events' source and type be evaluated.

    Args:
        iam_actions: ministack's module that describes requests to its policy evaluator.

    Raises:
        RuntimeError: this version of ministack does it in some other way.

    """
    describe = getattr(iam_actions, "request_tag_context", None)
    if not callable(describe):
        raise RuntimeError(  # noqa: TRY004 - a version is wrong, not a type
            f"{iam_actions.__name__} has no request_tag_context: "
            "this version of ministack evaluates policies in a way that the local AWS does not know"
        )
    iam_actions.request_tag_context = _knowing_events(describe)


def _knowing_events(describe: Callable[..., Mapping[str, Any]]) -> Callable[..., Context]:
    def request_context(service: str, action: str, body: bytes, *rest: Any) -> Context:
        context = dict(describe(service, action, body, *rest))
        return context | _events_context(body) if action == PUT_EVENTS else context

    return request_context


def _events_context(body: bytes) -> Context:
    """The keys of a PutEvents request: one value each, unless its entries differ."""
    entries = json.loads(body or b"{}").get("Entries", [])
    context: Context = {}
    for key, member in ENTRY_KEYS.items():
        values = sorted({str(entry.get(member, "")) for entry in entries})
        context[key] = values[0] if len(values) == 1 else values
    return context
