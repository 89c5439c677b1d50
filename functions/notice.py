"""The message to people when a circuit opens and closes, for mails and chats.

Probes of an outage are not told: a circuit that stays open may fail one every few seconds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from moments import moment

from recloser.circuit import Circuit, State
from recloser.control.announcement import audit_lines
from recloser.plain_text import printable

# "Publish", Amazon SNS API reference: a subject is at most 100 characters of printable ASCII.
LONGEST_SUBJECT = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """One message.

    Attributes:
        subject: what happened, in one line.
        text: when, why, by whom, and what comes next; a line each.

    """

    subject: str
    text: str

    def message(self) -> str:
        """Return the `Message` of an SNS Publish with `MessageStructure` json.

        Mails get the text, text messages the subject. All others get what Amazon Q Developer in chat
        applications shows in Slack and Teams.

        Sources: "Publish", Amazon SNS API reference; "Custom notifications", Amazon Q Developer in chat
        applications administrator guide.
        """
        content = {"textType": "client-markdown", "title": self.subject, "description": self.text}
        chat = {"version": "1.0", "source": "custom", "content": content}
        return json.dumps({"default": json.dumps(chat), "email": self.text, "sms": self.subject})


def notice(before: Circuit, after: Circuit) -> Notice | None:
    """Return what people are told of a change: an outage began or ended, an operator forced or released.

    None: there is nothing to tell.
    """
    has_turned = (before.state is State.CLOSED) != (after.state is State.CLOSED)
    if not has_turned and before.override == after.override:
        return None
    line = audit_lines(before, after)[-1]
    facts = [
        f"{after.name} {_now(after)} since {moment(line.at_ms)}.",
        f"Why: {line.reason or 'not known'}",
        "" if line.by is None else f"By: {line.by}",
        "" if after.alarm is None or after.state is State.CLOSED else f"Alarm: {after.alarm}",
        *_what_comes(after),
    ]
    subject = f"{after.name} {_now(after)}"
    return Notice(subject[:LONGEST_SUBJECT], "\n".join(printable(fact) for fact in facts if fact))


def _now(circuit: Circuit) -> str:
    if circuit.override is None:
        return f"is {circuit.state}"
    return f"is forced {circuit.override.state}"


def _what_comes(circuit: Circuit) -> list[str]:
    override = circuit.override
    if override is not None:
        until = "somebody releases it" if override.until_ms is None else moment(override.until_ms)
        return [f"Until: {until}"]
    if circuit.state is State.OPEN and circuit.retry_at_ms is not None:
        return [f"First probe: {moment(circuit.retry_at_ms)}"]
    return []
