"""The breaker's own parts: queues of what it gave up on, rules, streams, and the clock of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from recloser.cli.account import Account
from recloser.cli.doctor.findings import Finding

ITERATOR_AGE_MS = 60_000
CLOCK_SECONDS = 5


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
                f"aws sqs receive-message --queue-url {url}, then look at the function's log",
            )


def check_rules(account: Account) -> Iterator[Finding]:
    """Look at the rules that start the functions."""
    events = account.client("events")
    for rule in account.resources("AWS::Events::Rule"):
        name = rule.rpartition("|")[-1].rpartition("/")[-1]
        if events.describe_rule(Name=name)["State"] != "ENABLED":
            yield Finding(
                "rules",
                name,
                "it is disabled",
                "its function is not started: circuits do not trip, or do not recover by themselves",
                f"aws events enable-rule --name {name}",
            )


def check_streams(account: Account) -> Iterator[Finding]:
    """Look at what reads the tables' streams, and how far behind it is."""
    lambda_, cloudwatch = account.client("lambda"), account.client("cloudwatch")
    now = datetime.now(UTC)
    for mapping in account.resources("AWS::Lambda::EventSourceMapping"):
        read = lambda_.get_event_source_mapping(UUID=mapping)
        function = read["FunctionArn"].rpartition(":")[-1]
        if read["State"] not in {"Enabled", "Enabling", "Updating", "Creating"}:
            yield Finding(
                "streams",
                function,
                f"its event source mapping is {read['State']}",
                "probes do not close circuits, or nobody is told of changes",
                f"aws lambda update-event-source-mapping --uuid {mapping} --enabled",
            )
        ages = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="IteratorAge",
            Dimensions=[{"Name": "FunctionName", "Value": function}],
            StartTime=now - timedelta(minutes=15),
            EndTime=now,
            Period=300,
            Statistics=["Maximum"],
        )["Datapoints"]
        oldest_ms = max((point["Maximum"] for point in ages), default=0)
        if oldest_ms > ITERATOR_AGE_MS:
            yield Finding(
                "streams",
                function,
                f"it was {oldest_ms / 1000:.0f} s behind its stream",
                "circuits close, and are announced, as much later",
                f"look at the log of {function} for a record that fails again and again",
            )


def check_clock(account: Account) -> Iterator[Finding]:
    """Compare this machine's clock with AWS's: what the command writes bears this machine's times."""
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
