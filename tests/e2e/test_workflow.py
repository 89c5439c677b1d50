"""The Step Functions example, deployed next to the stack: reads the flag, calls, reports, falls back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from contract import Case, cases
from scene import Scene
from stored_tables import ROOT, StoredTables

from recloser import State
from recloser.lab.local_aws.dependency import FAILING, HEALTHY
from recloser.lab.local_aws.deployment import stack
from recloser.lab.local_aws.emulator import ACCOUNT, REGION, client_environment
from recloser.lab.local_aws.local_aws import LocalAws

EXAMPLE = ROOT / "examples" / "workflow"
CIRCUIT = "workflow-api"
ALARM = "workflow-failures"
METRICS = ("Failure", "Duration", "ProbeFailure", "Rejected", "Unprotected")
ANSWER = {"dependency": CIRCUIT, "answer": "OK"}

FROM_SERVICE = {"source": "service", "answer": ANSWER}
FROM_CACHE = {"source": "cache", "answer": ANSWER}
DEFAULT = {"source": "default", "answer": {}}


@dataclass(frozen=True)
class Workflow:
    """The deployed state machine, and what can be seen of its work from outside."""

    aws: LocalAws
    arn: str
    states: Any

    def run(self, key: str = "EUR-USD") -> dict[str, Any]:
        """Run it once, to its end, and return its output."""
        ended = self.states.start_sync_execution(stateMachineArn=self.arn, input=json.dumps({"key": key}))
        assert ended["status"] == "SUCCEEDED", ended
        output: dict[str, Any] = json.loads(ended["output"])
        return output

    def run_at_once(self, times: int) -> list[dict[str, Any]]:
        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(lambda _: self.run(), range(times)))

    def calls(self) -> int:
        """Return how many calls the service has received."""
        return self.aws.dependency.counts(CIRCUIT).received

    def published(self) -> dict[str, tuple[float, float]]:
        """Return how many values of each metric CloudWatch has received, and their sum."""
        now = datetime.now(UTC)
        found = {}
        for metric in METRICS:
            points = self.aws.client("cloudwatch").get_metric_statistics(
                Namespace="Recloser",
                MetricName=metric,
                Dimensions=[{"Name": "Circuit", "Value": CIRCUIT}],
                StartTime=now - timedelta(hours=1),
                EndTime=now + timedelta(minutes=1),
                Period=60,
                Statistics=["SampleCount", "Sum"],
            )["Datapoints"]
            found[metric] = (sum(p["SampleCount"] for p in points), sum(p["Sum"] for p in points))
        return found

    def stored(self) -> StoredTables:
        return StoredTables(self.aws.client("dynamodb"), self.aws.circuit_table, self.aws.probe_table)


def _sam(endpoint_url: str, directory: Path, arguments: list[str | Path]) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_CLI_"))}
    sam = Path(sys.executable).with_name("sam")
    ended = subprocess.run(
        [sam, *arguments],
        env=kept
        | client_environment(endpoint_url)
        | {
            # sam looks for the Python of the runtime on the PATH.
            "PATH": f"{sam.parent}{os.pathsep}{os.environ['PATH']}",
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.5",
            "__SAM_CLI_APP_DIR": str(directory / "sam"),
        },
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="session")
def workflow(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """Build and deploy the example as its README says, next to the stack whose outputs it imports."""
    directory = tmp_path_factory.mktemp("workflow")
    parameters = [
        f"Circuit={CIRCUIT}",
        f"ServiceUrl={aws.dependency.url}/{CIRCUIT}",
        f"Runtime=python{sys.version_info.major}.{sys.version_info.minor}",
        f"Architecture={'arm64' if os.uname().machine in {'arm64', 'aarch64'} else 'x86_64'}",
    ]
    endpoint_url = aws.client("stepfunctions").meta.endpoint_url
    build = directory / "build"
    source: list[str | Path] = ["--template-file", EXAMPLE / "template.yaml", "--build-dir", build]
    _sam(endpoint_url, directory, ["build", *source, "--parameter-overrides", *parameters])
    built: list[str | Path] = ["--template-file", build / "template.yaml", "--stack-name", "workflow"]
    asks_nothing = ["--region", REGION, "--resolve-s3", "--capabilities", "CAPABILITY_IAM"]
    _sam(endpoint_url, directory, ["deploy", *built, *asks_nothing, "--parameter-overrides", *parameters])
    states = boto3.client(
        "stepfunctions",
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",
        # The emulator has no host of its own for executions that are waited for.
        config=Config(inject_host_prefix=False, read_timeout=70, retries={"total_max_attempts": 1}),
    )
    return Workflow(aws, stack(aws.client("cloudformation"), "workflow").outputs["WorkflowArn"], states)


@pytest.fixture
def circuit(workflow: Workflow, scene: Callable[[str], Scene]) -> Iterator[Scene]:
    """The workflow's circuit, closed, with a healthy service; nothing is known of it before or after."""

    def forget() -> None:
        stored = workflow.stored()
        stored.client.delete_item(TableName=stored.circuit_table, Key={"circuit": {"S": CIRCUIT}})
        workflow.aws.dependency.behave(HEALTHY, CIRCUIT)

    forget()
    yield scene(CIRCUIT)
    forget()


@pytest.fixture
def alarm(workflow: Workflow) -> Iterator[str]:
    """An alarm as an operator makes it in the console: two calls in ten seconds, and half of them failed."""

    def query(name: str, statistic: str) -> dict[str, Any]:
        dimensions = [{"Name": "Circuit", "Value": CIRCUIT}]
        metric = {"Namespace": "Recloser", "MetricName": "Failure", "Dimensions": dimensions}
        stat = {"Metric": metric, "Period": 10, "Stat": statistic}
        return {"Id": name, "MetricStat": stat, "ReturnData": False}

    cloudwatch = workflow.aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=ALARM,
        EvaluationPeriods=1,
        Threshold=50,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        Metrics=[
            {"Id": "rate", "Expression": "IF(calls >= 2, 100 * failures / calls, 0)"},
            query("failures", "Sum"),
            query("calls", "SampleCount"),
        ],
    )
    yield ALARM
    cloudwatch.delete_alarms(AlarmNames=[ALARM])


def test_closed_is_called_and_recorded(workflow: Workflow, circuit: Scene) -> None:
    """While the circuit is closed the service is called, and the call's outcome and duration are put."""
    before, calls = workflow.published(), workflow.calls()
    assert workflow.run() == FROM_SERVICE
    assert workflow.calls() == calls + 1
    after = workflow.published()
    assert after["Failure"] == (before["Failure"][0] + 1, before["Failure"][1])
    assert after["Duration"][0] == before["Duration"][0] + 1
    assert after["Duration"][1] > before["Duration"][1]


def test_a_failed_call_is_retried_and_recorded_once(workflow: Workflow, circuit: Scene) -> None:
    """Two calls of a failing service are one failure, and the answer is the kept one or the default."""
    workflow.run()
    workflow.aws.dependency.behave(FAILING, CIRCUIT)
    before, calls = workflow.published(), workflow.calls()
    assert workflow.run() == FROM_CACHE
    assert workflow.calls() == calls + 2
    after = workflow.published()
    assert after["Failure"] == (before["Failure"][0] + 1, before["Failure"][1] + 1)
    assert workflow.run("never asked before") == DEFAULT


def test_an_outage_trips_and_heals(workflow: Workflow, circuit: Scene, alarm: str) -> None:
    """Recorded failures open the circuit; one probe finds the service still out, and later ones close it."""
    circuit.set_policy(recovery_timeout_seconds=6, permits=3, successes_to_close=2)
    workflow.run()
    workflow.aws.dependency.behave(FAILING, CIRCUIT)

    deadline = time.monotonic() + 90
    while circuit.circuit().state is State.CLOSED:
        workflow.aws.check()
        assert time.monotonic() < deadline, "the recorded failures tripped nothing"
        assert workflow.run_at_once(3) == [FROM_CACHE] * 3
    opened = circuit.circuit()
    assert opened.alarm == alarm

    calls = workflow.calls()
    assert [workflow.run(), workflow.run("never asked before")] == [FROM_CACHE, DEFAULT]
    assert workflow.calls() == calls, "the service was called although the circuit was open"

    assert opened.retry_at_ms is not None
    time.sleep(max(0.0, opened.retry_at_ms / 1000 - time.time()))
    assert workflow.run_at_once(5) == [FROM_CACHE] * 5
    assert workflow.calls() == calls + 1, "not exactly one of five was the probe"
    assert circuit.granted(opened.generation) == 1
    again = circuit.wait_for("second trip", lambda it: it.generation > opened.generation, 30)
    assert (again.state, again.trips) == (State.OPEN, 2)

    workflow.aws.dependency.behave(HEALTHY, CIRCUIT)
    before = workflow.published()["Failure"]
    deadline = time.monotonic() + 60
    while circuit.circuit().state is not State.CLOSED:
        workflow.aws.check()
        assert time.monotonic() < deadline, f"two probes closed nothing: {circuit.circuit()}"
        workflow.run()
    assert circuit.circuit().generation > again.generation
    assert workflow.run() == FROM_SERVICE
    # Probes are no calls: only the last run is in the failure rate, or a few that found the circuit closed.
    assert workflow.published()["Failure"][1] == before[1]


@pytest.mark.parametrize("case", cases(), ids=str)
def test_case(case: Case, workflow: Workflow, circuit: Scene) -> None:
    """The workflow does what the contract's table says: calls, publishes, claims and reports that."""
    stored = workflow.stored()
    before, calls = workflow.published(), workflow.calls()
    case.store(stored, CIRCUIT, time.time_ns() // 1_000_000)
    output = workflow.run()
    assert (output["source"] == "service") == (case.then != "refuse")
    assert workflow.calls() - calls == (case.then != "refuse")
    after = workflow.published()
    published = {metric for metric in METRICS if after[metric][0] > before[metric][0]}
    assert published == set(case.published)
    probes: Mapping[str, Any] = stored.probes(f"{CIRCUIT}#{case.generation}") or {}
    if case.then == "probe":
        assert probes["granted"] == {"N": str(case.granted + 1)}
        assert probes["succeeded"] == {"NS": [str(case.granted + 1)]}
    else:
        assert int(probes.get("granted", {"N": "0"})["N"]) == case.granted
        assert "succeeded" not in probes
