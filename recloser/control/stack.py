"""What belongs to this stack: its name, its metrics' namespace, its account and Region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recloser.control.ignored import Ignored
from recloser.control.settings import SettingError
from recloser.metrics.emf import NAMESPACE, namespace_of

STACK = "RECLOSER_STACK"
ACCOUNT = "RECLOSER_ACCOUNT"
REGION = "AWS_REGION"  # set by the Lambda runtime
DEFAULT_NAME = "recloser"


@dataclass(frozen=True, slots=True)
class Stack:
    """One deployment of Recloser; several may stand side by side in an account and Region.

    Args:
        name: of the CloudFormation stack. The names of its alarms begin with it and a colon.
        namespace: of its metrics. Two stacks have two.
        account: the AWS account's number; None: events of any account are read.
        region: the AWS Region; None: events of any Region are read.

    """

    name: str = DEFAULT_NAME
    namespace: str = NAMESPACE
    account: str | None = None
    region: str | None = None

    @property
    def alarm_prefix(self) -> str:
        """How the names of the stack's alarms begin."""
        return f"{self.name}:"

    def is_foreign_account(self, account: str | None) -> bool:
        """Tell whether a metric's account is another one: an alarm may watch metrics of linked accounts."""
        return None not in (account, self.account) and account != self.account

    def foreign(self, event: Mapping[str, Any]) -> Ignored | None:
        """Say that an event comes from elsewhere; None: it is of this account and Region.

        An event bus may be shared by accounts and Regions, and alarms are named alike everywhere.
        """
        for field, own in (("account", self.account), ("region", self.region)):
            if own is not None and event.get(field) != own:
                return Ignored(f"the event is of {field} {event.get(field)!r}; this stack's is {own}")
        return None


def stack_of(environment: Mapping[str, str]) -> Stack:
    """Read what the template says of the stack.

    Raises:
        SettingError: RECLOSER_NAMESPACE holds no name of a namespace.

    """
    try:
        namespace = namespace_of(environment)
    except ValueError as error:
        raise SettingError(str(error)) from error
    return Stack(
        environment.get(STACK) or DEFAULT_NAME,
        namespace,
        environment.get(ACCOUNT) or None,
        environment.get(REGION) or None,
    )
