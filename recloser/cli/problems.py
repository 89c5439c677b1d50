"""Problems that an operator sees as one line, with the exit code for scripts."""

from __future__ import annotations

from recloser.errors import RecloserError


class Problem(RecloserError):  # noqa: N818  (the operator's, seldom an error of ours)
    """The command could not do what it was asked to."""

    exit_code = 1


class BadInput(Problem):
    """Something given is not allowed; the message names the thing, the value and what is allowed."""

    exit_code = 2

    def __init__(self, thing: str, value: object, allowed: str) -> None:
        super().__init__(f"{thing} {value!r} is not allowed: {allowed}")
