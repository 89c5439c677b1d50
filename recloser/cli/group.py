"""The command's outermost layer: an operator sees one line for a problem, never a traceback."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from recloser.cli.aws_problems import aws_errors, text_of
from recloser.cli.problems import Problem
from recloser.errors import RecloserError
from recloser.plain_text import printable


class OneLineErrors(TyperGroup):
    """A group of commands whose problems become a line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        with _logs_on_stderr():
            try:
                return super().invoke(ctx)
            except Problem as problem:
                tell(str(problem))
                raise typer.Exit(problem.exit_code) from problem
            except Exception as error:
                if not _is_foreseen(error):
                    raise
                tell(text_of(error))
                raise typer.Exit(1) from error


def _is_foreseen(error: Exception) -> bool:
    """Whether it is the library's, AWS's or the machine's word; all else is a bug: its traceback helps."""
    if isinstance(error, RecloserError):
        return True
    if isinstance(error, OSError):
        # A full disk; not a pipe that nobody reads any more, which Typer ends in silence.
        return error.errno != errno.EPIPE
    return isinstance(error, aws_errors())


def tell(message: str) -> None:
    """Say something on stderr, apart from the answer, on one line."""
    typer.echo(f"recloser: {printable(message)}", err=True)


def say(message: str) -> None:
    """Give an answer of one line."""
    typer.echo(printable(message))


class _OneLine(logging.Handler):
    """The library's warnings, without the tracebacks that belong in a function's log."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        tell(record.getMessage() if error is None else f"{record.getMessage()}: {error}")


@contextmanager
def _logs_on_stderr() -> Iterator[None]:
    library, handler = logging.getLogger("recloser"), _OneLine(logging.WARNING)
    library.addHandler(handler)
    try:
        yield
    finally:
        library.removeHandler(handler)
