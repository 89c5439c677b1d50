"""`recloser doctor`: every check, and what each found."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.text import Text

from recloser.cli import documents, views
from recloser.cli.account import Account
from recloser.cli.arguments import Json, account_of
from recloser.cli.aws_problems import aws_errors, text_of
from recloser.cli.doctor.callers import check_callers, check_log_groups
from recloser.cli.doctor.drift import check_drift
from recloser.cli.doctor.findings import Check, Finding
from recloser.cli.doctor.parts import (
    check_clock,
    check_dead_letters,
    check_own_alarms,
    check_rules,
    check_streams,
)
from recloser.cli.doctor.resolution import check_resolution
from recloser.cli.doctor.stored_circuits import check_stored_circuits
from recloser.cli.doctor.trip_alarms import check_trip_alarms
from recloser.cli.doctor.unprotected import check_unprotected
from recloser.cli.doctor.watched import check_watch
from recloser.cli.group import tell
from recloser.errors import RecloserError

CHECKS: dict[str, Check] = {
    "stored circuits": check_stored_circuits,
    "alarms": check_trip_alarms,
    "watched circuits": check_watch,
    "resolution of metrics": check_resolution,
    "drift": check_drift,
    "unprotected calls": check_unprotected,
    "dead letters": check_dead_letters,
    "rules": check_rules,
    "streams": check_streams,
    "the breaker's alarms": check_own_alarms,
    "callers": check_callers,
    "log groups": check_log_groups,
    "clock": check_clock,
}


def doctor(context: typer.Context, *, as_json: Json = False) -> None:
    """Look for what is wrong: why each finding matters, and how to fix it.

    Exit code 1: there are problems, or something could not be looked at. Notes are no problems.
    """
    findings, not_checked = _examine(account_of(context))
    if as_json:
        documents.print_json(
            {"findings": [asdict(finding) for finding in findings], "not_checked": not_checked}
        )
    else:
        _show(findings)
    for check, problem in not_checked.items():
        tell(f"not checked: {check}: {problem}")
    if not_checked or any(finding.is_problem for finding in findings):
        raise typer.Exit(1)


def _examine(account: Account) -> tuple[list[Finding], dict[str, str]]:
    findings: list[Finding] = []
    not_checked: dict[str, str] = {}
    _ = account.deployment  # where nothing is deployed there is nothing to examine
    for name, check in CHECKS.items():
        try:
            findings.extend(check(account))
        except aws_errors(RecloserError) as error:
            not_checked[name] = text_of(error)
    return findings, not_checked


def _show(findings: list[Finding]) -> None:
    out = views.console()
    for finding in sorted(findings, key=lambda each: not each.is_problem):
        note = "" if finding.is_problem else "note: "
        out.print(Text(f"{note}{finding.check}: {finding.subject}", "bold" if finding.is_problem else ""))
        out.print(Text(f"  {finding.what}: {finding.why}"))
        out.print(Text(f"  fix: {finding.fix}", "dim"))
    out.print(Text(_count(findings)))


def _count(findings: list[Finding]) -> str:
    counts = {"problem": 0, "note": 0}
    for finding in findings:
        counts["problem" if finding.is_problem else "note"] += 1
    told = [f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items()]
    return ", ".join(told) if findings else "nothing found"
