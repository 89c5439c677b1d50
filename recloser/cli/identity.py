"""Who makes a change: what the history shows after `by`."""

from __future__ import annotations

import getpass
import re

from recloser.cli.account import Account
from recloser.cli.aws_problems import aws_errors
from recloser.cli.problems import BadInput, Problem
from recloser.plain_text import unsafe_characters

_BLANKS = re.compile(r"[ \t\r\n]+")


def caller(account: Account, given: str | None) -> str:
    """Name the operator: as given, or as AWS knows the caller, or as the operating system does.

    Raises:
        BadInput: a name is given and empty.

    """
    if given is not None:
        return words("--by", given)
    return _aws_identity(account) or _system_user()


def words(option: str, text: str) -> str:
    """Return a text on one line.

    Raises:
        BadInput: there is nothing in it, or a character that steers terminals or is no character.

    """
    told = _BLANKS.sub(" ", text).strip(" ")
    if not told:
        raise BadInput(option, text, "a few words")
    unsafe = unsafe_characters(told)
    if unsafe:
        raise BadInput(option, text, f"no control characters, as {', '.join(unsafe)}")
    return told


def _aws_identity(account: Account) -> str | None:
    """What the ARN of GetCallerIdentity says after the account: `user/ann`, `operators/ann@example.com`.

    Stored texts are short, and the part before is the same for everybody who can write the table.
    """
    try:
        # Not worth a wait: there may be no way to STS from here.
        client = account.client("sts", connect_timeout=1, read_timeout=2, attempts=1)
        arn: str = client.get_caller_identity()["Arn"]
    except aws_errors(Problem):
        return None
    return arn.split(":", 5)[-1].removeprefix("assumed-role/") or None


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a process whose user has no name
        return "unknown"
