"""`recloser backtest`: what would these alarms have done? The packages it needs come with the extra `lab`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from recloser.cli.account import Account
from recloser.cli.alarm_tuning import Wanted, told, variants
from recloser.cli.arguments import MinimumCalls, Threshold, known_names, one_name_or_none
from recloser.cli.aws_problems import aws_problems
from recloser.cli.choice import require_known
from recloser.cli.documents import print_json
from recloser.cli.group import tell
from recloser.cli.pictures import check_picture
from recloser.cli.problems import BadInput, Problem
from recloser.cli.replay import REPLAYED_HOURS, replay_inputs
from recloser.cli.views import console

if TYPE_CHECKING:
    from recloser.lab.backtest.backtest import AlarmRun, Settings
    from recloser.lab.backtest.inputs import Inputs
    from recloser.lab.cloudwatch import State

STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")
MS_PER_SECOND = 1000
REPLAYED_MS = REPLAYED_HOURS * 3600 * MS_PER_SECOND


class Refused(Problem):
    """An input cannot be used; the message says which, where and why."""

    exit_code = 2


def backtest(
    context: typer.Context,
    circuit: Annotated[
        str | None,
        typer.Argument(
            metavar="[CIRCUIT]",
            callback=one_name_or_none,
            autocompletion=known_names,
            help="Replay the account's alarms on this circuit's failures, over its last hours.",
        ),
    ] = None,
    *,
    threshold: Threshold = None,
    minimum_calls: MinimumCalls = None,
    alarm: Annotated[
        list[str] | None,
        typer.Option(
            "--alarm",
            metavar="FILE",
            help="Alarms as given to PutMetricAlarm or printed by DescribeAlarms; with --from-aws also the "
            "name of one. May be given several times.",
        ),
    ] = None,
    metrics: Annotated[
        list[Path] | None,
        typer.Option(
            "--metrics",
            metavar="FILE",
            help="JSON lines, EMF log lines, CSV, what `aws cloudwatch get-metric-data` or "
            "get-metric-statistics prints, or the console's CSV. May be given several times.",
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="ISO 8601 or epoch seconds. Default: the first sample; from the account, two hours ago.",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="TIME",
            help="Default: when the last sample has been evaluated; from the account, now.",
        ),
    ] = None,
    phase: Annotated[
        float | None,
        typer.Option(
            "--phase",
            metavar="SECONDS",
            min=0,
            help="The instant within the 10 or 60 s at which alarms are evaluated. Default: by their names.",
        ),
    ] = None,
    initial_state: Annotated[
        str,
        typer.Option(
            "--initial-state", metavar="STATE", help=f"The state at the start: {', '.join(STATES)}."
        ),
    ] = "INSUFFICIENT_DATA",
    from_aws: Annotated[
        bool,
        typer.Option("--from-aws", help="Read the alarms' metrics from the account, with GetMetricData."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE.png", help="Draw metric, threshold and states over time."),
    ] = None,
) -> None:
    """Tell what alarms would have done over recorded metrics, as CloudWatch decides it."""
    check_picture(plot, ".png", ".svg")
    with _needs_lab():
        settings = _settings(from_, to, phase, initial_state)
        wanted = Wanted(threshold, minimum_calls)
        if circuit is not None:
            if alarm or metrics or from_aws:
                raise BadInput("circuit", circuit, "not together with --alarm, --metrics and --from-aws")
            inputs, settings = _of_circuit(context.obj, circuit, wanted, settings)
        elif wanted.is_something:
            raise BadInput("backtest", "without a circuit", "--threshold and --minimum-calls only with one")
        elif not alarm:
            raise BadInput("backtest", "", "a circuit, or --alarm FILE")
        elif from_aws:
            inputs, settings = _from_account(context.obj, alarm, metrics, settings)
        else:
            inputs = _from_files(alarm, metrics or [])
        runs = _run(inputs, settings)
        warnings = _warn(inputs, settings)
        if plot is not None:
            _draw(runs, inputs, plot)
        if as_json:
            from recloser.lab.backtest.backtest import document  # noqa: PLC0415

            print_json(document(runs, warnings, inputs.left_out))
        else:
            _show(runs)


@contextmanager
def _needs_lab() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        raise Problem(
            f"recloser backtest needs {missing}, which is not installed: pip install 'recloser[lab]'"
        ) from error


def _settings(from_: str | None, to: str | None, phase: float | None, initial: str) -> Settings:
    from recloser.lab.backtest.backtest import Settings  # noqa: PLC0415
    from recloser.lab.cloudwatch import State  # noqa: PLC0415

    if initial not in STATES:
        raise BadInput("--initial-state", initial, f"one of {', '.join(STATES)}")
    from_ms, to_ms = _time("--from", from_), _time("--to", to)
    if from_ms is not None and to_ms is not None and to_ms <= from_ms:
        raise BadInput("--to", to, f"a time after --from {from_}")
    return Settings(from_ms, to_ms, phase, State(initial))


def _time(option: str, text: str | None) -> int | None:
    from recloser.lab.backtest.input_files import TIME_FORMS, time_ms  # noqa: PLC0415

    if text is None:
        return None
    try:
        return time_ms(text)
    except ValueError:
        raise BadInput(option, text, f"a time from 1970 to 2100, {TIME_FORMS}") from None


def _from_files(alarm_files: Sequence[str], metric_files: Sequence[Path]) -> Inputs:
    if not metric_files:
        raise Refused("--metrics FILE is needed, or --from-aws")
    from recloser.lab.backtest.input_files import InputFileError  # noqa: PLC0415
    from recloser.lab.backtest.inputs import read_inputs  # noqa: PLC0415

    try:
        inputs = read_inputs([Path(name) for name in alarm_files], metric_files)
    except InputFileError as error:
        raise Refused(str(error)) from error
    for dropped in inputs.dropped:
        tell(f"{dropped}; CloudWatch would drop this")
    return inputs


def _from_account(
    account: Account, alarms: Sequence[str], metric_files: Sequence[Path] | None, settings: Settings
) -> tuple[Inputs, Settings]:
    from recloser.lab.backtest.account_metrics import AccountError  # noqa: PLC0415
    from recloser.lab.backtest.input_files import InputFileError  # noqa: PLC0415
    from recloser.lab.cloudwatch import InvalidAlarmError  # noqa: PLC0415

    if metric_files:
        raise BadInput("--metrics", str(metric_files[0]), "a file only without --from-aws")
    settings, span_ms = _of_the_last_hours(settings)
    try:
        with aws_problems("CloudWatch"):
            inputs = _read_account(account.client("cloudwatch"), alarms, span_ms)
    except (AccountError, InputFileError, InvalidAlarmError) as error:
        raise Refused(str(error)) from error
    return inputs, settings


def _of_the_last_hours(settings: Settings) -> tuple[Settings, tuple[int, int]]:
    """The settings with a beginning and an end, and these."""
    to_ms = round(time.time() * MS_PER_SECOND) if settings.to_ms is None else settings.to_ms
    from_ms = to_ms - REPLAYED_MS if settings.from_ms is None else settings.from_ms
    return replace(settings, from_ms=from_ms, to_ms=to_ms), (from_ms, to_ms)


def _of_circuit(
    account: Account, circuit: str, wanted: Wanted, settings: Settings
) -> tuple[Inputs, Settings]:
    """The circuit's alarms as they are, and each again with the wanted limits."""
    require_known(account, circuit)
    definitions = []
    for each in variants(account, circuit, wanted):
        definitions.append(each.before)
        if wanted.is_something:
            definitions.append(each.after | {"AlarmName": f"{each.alarm} ({told(each.after)})"})
    settings, span_ms = _of_the_last_hours(settings)
    with _progress() as progress:
        return replay_inputs(account, circuit, definitions, span_ms, progress), settings


def _read_account(client: Any, wanted: Sequence[str], span_ms: tuple[int, int]) -> Inputs:
    from recloser.lab.backtest.account_metrics import read_account_alarms, read_account_metrics  # noqa: PLC0415
    from recloser.lab.backtest.alarm_files import read_alarms  # noqa: PLC0415
    from recloser.lab.backtest.inputs import Inputs, together, without_orphans  # noqa: PLC0415

    files = [read_alarms(Path(name)) for name in wanted if Path(name).is_file()]
    left_out = [one for file in files for one in file.left_out]
    found, orphans = without_orphans([one for file in files for one in file.found], left_out)
    names = [name for name in wanted if not Path(name).is_file()]
    alarms = [one.alarm for one in found] + list(read_account_alarms(client, names))
    with _progress() as progress:
        now_ms = round(time.time() * MS_PER_SECOND)
        data = read_account_metrics(client, alarms, span_ms, now_ms, progress)
    return Inputs(together(found, data.alarms), data.samples, [], left_out + orphans)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], object]]:
    """A progress bar on stderr, so that the answer on stdout stays clean."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    out = Console(stderr=True)
    with Progress(console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task("GetMetricData", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _run(inputs: Inputs, settings: Settings) -> list[AlarmRun]:
    from recloser.lab.backtest.backtest import backtest as run  # noqa: PLC0415

    try:
        return run(inputs.alarms, inputs.samples, settings)
    except ValueError as error:
        raise Refused(str(error)) from error


def _warn(inputs: Inputs, settings: Settings) -> list[str]:
    """Tell what the result does not show, on stderr; return the warnings."""
    from recloser.lab.backtest.data_warnings import data_warnings  # noqa: PLC0415

    warnings = data_warnings(inputs.alarms, inputs.samples, settings)
    for one in inputs.left_out:
        tell(f"alarm {one.alarm_name!r} is left out: {one.problem}")
    for warning in warnings:
        tell(f"warning: {warning}")
    return warnings


def _draw(runs: Sequence[AlarmRun], inputs: Inputs, path: Path) -> None:
    from recloser.lab.backtest.plot import plot  # noqa: PLC0415

    try:
        plot(runs, inputs.samples, path)
    except OSError as error:
        raise BadInput("--plot", str(path), f"a file that can be written ({error})") from error


def _show(runs: Sequence[AlarmRun]) -> None:
    out = console()
    for run in runs:
        out.print(Text(run.alarm.name, "bold"))
        out.print(_transitions(run))
        if run.contributors:
            out.print(_contributors(run))
    out.print(_comparison(runs))


def _transitions(run: AlarmRun) -> RenderableType:
    from recloser.lab.cloudwatch.times import iso_utc  # noqa: PLC0415

    if not run.transitions:
        return Text(f"  stays {run.initial.value}\n")
    table = Table(box=None, pad_edge=True)
    for header in ("at (UTC)", "from", "to", "reason"):
        table.add_column(header, header_style="dim", no_wrap=header != "reason")
    for transition in run.transitions:
        table.add_row(
            iso_utc(transition.at_ms),
            _colored(transition.before),
            _colored(transition.after),
            Text(transition.reason),
        )
    return Group(table, Text(""))


def _contributors(run: AlarmRun) -> RenderableType:
    from recloser.lab.cloudwatch.times import iso_utc  # noqa: PLC0415

    table = Table(box=None, pad_edge=True)
    for header in ("at (UTC)", "contributor", "to", "reason"):
        table.add_column(header, header_style="dim", no_wrap=header != "reason")
    changes = [(at_ms, one.name, state, why) for one in run.contributors for at_ms, state, why in one.changes]
    for at_ms, name, state, reason in sorted(changes, key=lambda change: change[:2]):
        table.add_row(iso_utc(at_ms), Text(name), _colored(state), Text(reason))
    return Group(table, Text(""))


def _comparison(runs: Sequence[AlarmRun]) -> Table:
    from recloser.lab.cloudwatch.times import iso_utc  # noqa: PLC0415

    table = Table(box=None, title=_span_text(runs[0]), title_justify="left", title_style="dim")
    for header in ("alarm", "trips", "in ALARM", "first trip (UTC)", "at the end"):
        table.add_column(
            header,
            header_style="dim",
            justify="right" if header in {"trips", "in ALARM"} else "left",
            overflow="fold",
            no_wrap=header != "alarm",
        )
    for run in runs:
        first = next((one.at_ms for one in run.transitions if one.after.value == "ALARM"), None)
        table.add_row(
            Text(run.alarm.name),
            str(run.trips),
            f"{run.alarm_seconds:.0f} s",
            "-" if first is None else iso_utc(first),
            _colored(run.final),
        )
    return table


def _span_text(run: AlarmRun) -> str:
    from recloser.lab.cloudwatch.times import iso_utc  # noqa: PLC0415

    return f"from {iso_utc(run.started_ms)} to {iso_utc(run.ended_ms)}"


def _colored(state: State) -> Text:
    return Text(state.value, {"OK": "green", "ALARM": "bold red"}.get(state.value, "yellow"))
