"""`recloser doctor`: every check, and what each found."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.text import Text

from recloser.cli import documents, views
from recloser.cli.account import Account
from recloser.cli.arguments import Json, account_of
from recloser.cli.aws_problems import text_of
from recloser.cli.doctor.callers import check_callers
from recloser.cli.doctor.findings import Check, Finding
from recloser.cli.doctor.parts import check_clock, check_dead_letters, check_rules, check_streams
from recloser.cli.doctor.stored_circuits import check_stored_circuits
from recloser.cli.doctor.trip_alarms import check_trip_alarms
from recloser.cli.group import tell
from recloser.errors import RecloserError

CHECKS: dict[str, Check] = {
    "stored circuits": check_stored_circuits,
    "alarms": check_trip_alarms,
    "dead letters": check_dead_letters,
    "rules": check_rules,
    "streams": check_streams,
    "callers": check_callers,
    "clock": check_clock,
}


def doctor(context: typer.Context, *, as_json: Json = False) -> None:
    """Look for what is wrong: why each finding matters, and what mends it. Exit code 1: there are some."""
    findings, not_checked = _examine(account_of(context))
    if as_json:
        documents.print_json(
            {"findings": [asdict(finding) for finding in findings], "not_checked": not_checked}
        )
    else:
        _show(findings)
    for check, problem in not_checked.items():
        tell(f"not checked: {check}: {problem}")
    if findings or not_checked:
        raise typer.Exit(1)


def _examine(account: Account) -> tuple[list[Finding], dict[str, str]]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (slow to import)

    findings: list[Finding] = []
    not_checked: dict[str, str] = {}
    _ = account.deployment  # where nothing is deployed there is nothing to examine
    for name, check in CHECKS.items():
        try:
            findings.extend(check(account))
        except (BotoCoreError, ClientError, RecloserError) as error:
            not_checked[name] = text_of(error)
    return findings, not_checked


def _show(findings: list[Finding]) -> None:
    out = views.console()
    for finding in findings:
        out.print(Text(f"{finding.check}: {finding.subject}", "bold"))
        out.print(Text(f"  {finding.what}: {finding.why}"))
        out.print(Text(f"  mend: {finding.mend}", "dim"))
    out.print(Text(f"{len(findings)} findings" if findings else "nothing found"))
