"""Checks of the breaker itself: dead-letter queues, rules, streams, alarms; and this machine's clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from recloser.cli.account import Account
from recloser.cli.doctor.findings import Finding
from recloser.control.metric_data import get_metric_data

ITERATOR_AGE_MS = 60_000
ITERATOR_LOOK_BACK_MS = 15 * 60_000
CLOCK_SECONDS = 5
_WELL = {"Enabled", "Enabling", "Updating", "Creating"}
_ALARMS_PER_REQUEST = 100


def check_dead_letters(account: Account) -> Iterator[Finding]:
    """Look into the queues of the stack."""
    sqs = account.client("sqs")
    for url in account.resources("AWS::SQS::Queue"):
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        if count:
            name = url.rpartition("/")[-1]
            yield Finding(
                "dead letters",
                name,
                f"{count} events could not be handled",
                "something did not change a circuit, or was not announced",
                f"aws sqs receive-message --queue-url {url}, then look at the function's log; make redrive "
                "in the source tree tells again what announce gave up on",
            )


def check_rules(account: Account) -> Iterator[Finding]:
    """Look at the rules that start the functions."""
    events = account.client("events")
    for rule in account.resources("AWS::Events::Rule"):
        name = rule.rpartition("|")[-1].rpartition("/")[-1]
        if events.describe_rule(Name=name)["State"] == "DISABLED":
            yield Finding(
                "rules",
                name,
                "it is disabled",
                "its function is not started: circuits do not trip, or do not recover by themselves",
                f"aws events enable-rule --name {name}",
            )


def check_streams(account: Account) -> Iterator[Finding]:
    """Look at what reads the tables' streams, and how far behind it is."""
    own = set(account.resources("AWS::Lambda::EventSourceMapping"))
    if not own:
        return
    pages = account.client("lambda").get_paginator("list_event_source_mappings").paginate()
    mappings = [each for page in pages for each in page["EventSourceMappings"] if each["UUID"] in own]
    functions: dict[str, None] = {}
    for mapping in mappings:
        function = mapping["FunctionArn"].split(":function:")[-1].partition(":")[0]
        functions[function] = None
        if mapping["State"] not in _WELL:
            yield Finding(
                "streams",
                function,
                f"its event source mapping is {mapping['State']}",
                "probes do not close circuits, or changes are not announced",
                f"aws lambda update-event-source-mapping --uuid {mapping['UUID']} --enabled",
            )
    for gone in sorted(own - {mapping["UUID"] for mapping in mappings}):
        yield Finding(
            "streams",
            gone,
            "the stack's event source mapping is gone",
            "probes do not close circuits, or changes are not announced",
            "deploy the stack's template again",
        )
    for function, oldest_ms in _iterator_ages(account, list(functions)).items():
        if oldest_ms > ITERATOR_AGE_MS:
            yield Finding(
                "streams",
                function,
                f"it was {oldest_ms / 1000:.0f} s behind its stream",
                "circuits close, and are announced, as much later",
                f"look at the log of {function} for a record that fails again and again",
            )


def _iterator_ages(account: Account, functions: list[str]) -> dict[str, float]:
    """How far behind each function was at most in the last minutes, in milliseconds."""
    now_ms = time.time_ns() // 1_000_000
    queries = [
        {
            "Id": f"age{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": "IteratorAge",
                    "Dimensions": [{"Name": "FunctionName", "Value": function}],
                },
                "Period": 300,
                "Stat": "Maximum",
            },
        }
        for number, function in enumerate(functions)
    ]
    answers = get_metric_data(account.client("cloudwatch"), queries, now_ms - ITERATOR_LOOK_BACK_MS, now_ms)
    points = {query: points for (query, _), points in answers.items()}
    return {
        function: max((value for _, value in points.get(f"age{number}", ())), default=0.0)
        for number, function in enumerate(functions)
    }


def check_own_alarms(account: Account) -> Iterator[Finding]:
    """Look at the stack's alarms on the breaker itself."""
    trips = {alarm.name for alarm in account.trip_alarms}
    names = [name for name in account.resources("AWS::CloudWatch::Alarm") if name not in trips]
    cloudwatch = account.client("cloudwatch")
    for start in range(0, len(names), _ALARMS_PER_REQUEST):
        answer = cloudwatch.describe_alarms(AlarmNames=names[start : start + _ALARMS_PER_REQUEST])
        for alarm in answer["MetricAlarms"]:
            if alarm["StateValue"] == "ALARM":
                told = alarm.get("AlarmDescription") or "an alarm of the stack on the breaker itself"
                yield Finding(
                    "the breaker's alarms",
                    alarm["AlarmName"],
                    f"in ALARM: {told}",
                    "the breaker does not do all that it is there for",
                    "look at the log of the function that it names",
                )


def check_clock(account: Account) -> Iterator[Finding]:
    """Compare this machine's clock with AWS's: what the command writes has this machine's times."""
    answer = account.dynamodb.describe_table(TableName=account.deployment.circuit_table)
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if told is None:
        return
    off_seconds = (datetime.now(UTC) - parsedate_to_datetime(told)).total_seconds()
    if abs(off_seconds) > CLOCK_SECONDS:
        yield Finding(
            "clocks",
            "this machine",
            f"its clock is {off_seconds:+.0f} s off AWS's",
            "overrides that the command writes begin and end as much too early or too late",
            "set the clock of this machine (NTP)",
        )
