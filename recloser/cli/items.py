"""`recloser forget`, `export` and `import`: whole circuits, as they are stored."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from recloser.circuit import Circuit, State, validate_name
from recloser.cli import documents
from recloser.cli.account import Account
from recloser.cli.arguments import All, CircuitNames, Json, Yes, account_of
from recloser.cli.aws_problems import aws_problems
from recloser.cli.changes import end, in_parallel
from recloser.cli.choice import chosen, confirm
from recloser.cli.group import say, tell
from recloser.cli.problems import BadInput, Problem
from recloser.control.control import wall_clock_ms
from recloser.store.rows import LARGEST_COUNT, SCHEMA, Item, decode, decode_circuit, encode, encode_circuit

FORMAT = "recloser circuits"
VERSION = 1


class BadFile(Problem):
    """A file does not hold what `recloser export` writes."""

    exit_code = 2


def forget(
    context: typer.Context,
    circuits: CircuitNames = None,
    *,
    every: All = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where it is not closed, or an override holds it.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete what is stored of circuits: state, history, override and policy. Their next trip begins anew."""
    account = account_of(context)
    names = chosen(account, circuits, every=every)
    confirm(names, "Forget all that is stored of", yes=yes)
    done = in_parallel(names, lambda name: _forget(account, name, force=force))
    if as_json:
        documents.print_json([{"circuit": name, "forgotten": told is True} for name, told in done])
    else:
        for name, told in done:
            if isinstance(told, bool):
                say(f"{name}: forgotten" if told else f"{name}: nothing was stored")
    end(done)


def export(context: typer.Context, circuits: CircuitNames = None) -> None:
    """Print all that is stored of circuits, as JSON: to keep, or to import where a stack was made anew."""
    account = account_of(context)
    names = set(chosen(account, circuits)) if circuits else None
    stored = [item for item in account.stored_items() if names is None or item["circuit"]["S"] in names]
    plain = sorted((_plain(item) for item in stored), key=lambda each: str(each["circuit"]))
    documents.print_json({"format": FORMAT, "version": VERSION, "circuits": plain})


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What export printed; - for stdin.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also circuits that are stored already.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Store circuits as they were exported. Nothing is written unless all of the file can be used."""
    account = account_of(context)
    circuits = {circuit.name: circuit for circuit in _read(file)}
    done = in_parallel(list(circuits), lambda name: _store(account, circuits[name], replace=replace))
    if as_json:
        documents.print_json([{"circuit": name, "imported": told is True} for name, told in done])
    else:
        for name, told in done:
            if isinstance(told, bool):
                say(f"{name}: imported" if told else f"{name}: left alone: it is stored already (--replace)")
    end(done)


def _plain(item: Item) -> dict[str, Any]:
    """Read an item as plain data. What Recloser never writes is left out, and told."""
    plain: dict[str, Any] = {}
    for name, value in item.items():
        try:
            read = decode(value)
            encode(read)  # else import would refuse it
            json.dumps(read)
        except (ValueError, TypeError) as error:
            tell(f"{item['circuit'].get('S')}: attribute {name} is left out: {error}")
        else:
            plain[name] = read
    return plain


def _forget(account: Account, name: str, *, force: bool) -> bool:
    circuit = account.tables.read(name, consistent=True)
    now_ms = wall_clock_ms()
    is_idle = circuit.state is State.CLOSED and circuit.active_override(now_ms) is None
    if not is_idle and not force:
        raise Problem(f"circuit {name} is not forgotten: it is {circuit.state} or overridden; add --force")
    request: dict[str, Any] = {
        "TableName": account.deployment.circuit_table,
        "Key": {"circuit": encode(name)},
        "ConditionExpression": "revision >= :read AND revision < :next",  # read rounded down
        "ExpressionAttributeValues": {
            ":read": encode(circuit.revision),
            ":next": encode(circuit.revision + 1),
        },
    }
    if not circuit.revision:
        # Nothing is stored, or an item that was written manually, with a revision that cannot be one.
        request |= {
            "ConditionExpression": (
                "attribute_exists(circuit) AND "
                "(NOT attribute_type(revision, :number) OR revision < :first OR revision > :last)"
            ),
            "ExpressionAttributeValues": {
                ":number": encode("N"),
                ":first": encode(1),
                ":last": encode(LARGEST_COUNT),
            },
        }
        return _conditional(account, "delete_item", request)
    if not _conditional(account, "delete_item", request):
        raise Problem(f"circuit {name} is not forgotten: it was written at this moment; look again")
    return True


def _store(account: Account, circuit: Circuit, *, replace: bool) -> bool:
    item = {name: value for name, value in encode_circuit(circuit).items() if value is not None}
    request: dict[str, Any] = {
        "TableName": account.deployment.circuit_table,
        "Item": item | {"circuit": encode(circuit.name), "schema": encode(SCHEMA)},
    }
    if not replace:
        request["ConditionExpression"] = "attribute_not_exists(circuit)"
    return _conditional(account, "put_item", request)


def _conditional(account: Account, operation: str, request: Mapping[str, Any]) -> bool:
    """Write, and say whether the condition held."""
    from botocore.exceptions import ClientError  # noqa: PLC0415  (slow to import)

    client = account.dynamodb
    with aws_problems("DynamoDB"):
        try:
            getattr(client, operation)(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
    return True


def _read(path: Path) -> list[Circuit]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("file", str(path), f"a file that can be read ({error})") from None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{path}: no JSON: {error}") from None
    if not isinstance(document, dict) or (document.get("format"), document.get("version")) != (
        FORMAT,
        VERSION,
    ):
        raise BadFile(f"{path}: not what recloser export writes: format {FORMAT!r}, version {VERSION}")
    circuits = document.get("circuits")
    if not isinstance(circuits, list):
        raise BadFile(f"{path}: circuits: a list is needed")
    return [_circuit(path, number, plain) for number, plain in enumerate(circuits)]


def _circuit(path: Path, number: int, plain: object) -> Circuit:
    place = f"{path}: circuits[{number}]"
    try:
        if not isinstance(plain, dict):
            raise ValueError("a map is needed")  # noqa: TRY004, TRY301  (told as all that is wrong here)
        name = validate_name(plain.get("circuit"))
        item = {attribute: encode(value) for attribute, value in plain.items()}
    except (ValueError, TypeError) as error:
        raise BadFile(f"{place}: {error}") from None
    circuit, problems = decode_circuit(name, item)
    if problems:
        raise BadFile(f"{place} ({name}): {'; '.join(_first(problems))}")
    return circuit


def _first(problems: Sequence[str]) -> Sequence[str]:
    return problems[:3]
