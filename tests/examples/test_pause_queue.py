"""The example's queue waits while the circuit is open. The flag decides, whatever the event says."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from lambda_environment import LambdaEnvironment, lambda_environment
from samtranslator.yaml_helper import yaml_parse
from stored_tables import ROOT, StoredTables

from recloser import State
from recloser.circuit import Override
from recloser.control.control import Control
from recloser.signals import OverrideSet, PolicySet, TimerDue

EXAMPLE = ROOT / "examples" / "pause_queue"
FULL, LITTLE = {"MaximumConcurrency": 10}, {"MaximumConcurrency": 2}
CHANGED = json.loads((ROOT / "events" / "circuit-state-changed.json").read_text())

Mapped = Callable[[], tuple[str, dict[str, int]]]


@pytest.fixture(scope="module")
def role(client: Callable[[str], Any]) -> str:
    made = client("iam").create_role(RoleName="pause-queue-worker", AssumeRolePolicyDocument="{}")
    return str(made["Role"]["Arn"])


@pytest.fixture
def mapping(client: Callable[[str], Any], role: str) -> Iterator[str]:
    """A real event source mapping of the emulator, as the template's worker has it."""
    name = f"worker-{uuid.uuid4()}"
    queue = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    found = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return {}\n")
    client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": code.getvalue()},
    )
    made = client("lambda").create_event_source_mapping(
        FunctionName=name, EventSourceArn=found["Attributes"]["QueueArn"], ScalingConfig=FULL
    )
    yield made["UUID"]
    client("lambda").delete_event_source_mapping(UUID=made["UUID"])


@pytest.fixture
def mapped(client: Callable[[str], Any], mapping: str) -> Mapped:
    """Tell the state of the event source, and its concurrency."""

    def mapped() -> tuple[str, dict[str, int]]:
        found = client("lambda").get_event_source_mapping(UUID=mapping)
        return found["State"], found["ScalingConfig"]

    return mapped


@pytest.fixture
def pause(caller_environment: Mapping[str, str], mapping: str) -> Iterator[LambdaEnvironment]:
    variables = {"EVENT_SOURCE_MAPPING": mapping, "MAXIMUM_CONCURRENCY": "10"}
    with lambda_environment(EXAMPLE / "pause", dict(caller_environment) | variables) as environment:
        yield environment


def test_open_half_open_closed(
    pause: LambdaEnvironment,
    stored: StoredTables,
    circuit: str,
    trip: Callable[[float], None],
    mapped: Mapped,
) -> None:
    """Open: disabled. Half-open: enabled with the least. Closed by an operator: as before the trip."""
    control = Control(stored.tables())
    trip(0.1)
    pause.invoke(CHANGED)
    assert mapped() == ("Disabled", LITTLE)
    become_half_open(stored, circuit)
    pause.invoke(CHANGED)
    assert mapped() == ("Enabled", LITTLE)
    control.apply(circuit, OverrideSet(Override(State.CLOSED, by="test", why="test", at_ms=0)))
    pause.invoke(CHANGED)
    assert mapped() == ("Enabled", FULL)


def become_half_open(stored: StoredTables, circuit: str) -> None:
    """Do what the scheduled rule does for an open circuit that is due, a minute after its trip."""
    opened = stored.tables().read(circuit, consistent=True)
    probes = stored.tables().read_probes(circuit, opened.generation)
    later = Control(stored.tables(), now_ms=lambda: opened.changed_at_ms + 60_000)
    assert later.apply(circuit, TimerDue(probes)).circuit.state is State.HALF_OPEN


def test_the_flag_decides(pause: LambdaEnvironment, trip: Callable[[float], None], mapped: Mapped) -> None:
    """An event that comes late, and the schedule's, which says nothing, change what the flag asks for."""
    pause.invoke(CHANGED)  # it says OPEN; the circuit is closed
    assert mapped() == ("Enabled", FULL)
    trip(600)
    pause.invoke({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
    assert mapped()[0] == "Disabled"


def test_it_sets_only_what_differs(pause: LambdaEnvironment, trip: Callable[[float], None]) -> None:
    """An event that comes twice updates once."""
    trip(600)
    assert len(pause.invoke(CHANGED).log) == 1
    assert pause.invoke(CHANGED).log == []


def test_shadow_mode(
    pause: LambdaEnvironment,
    stored: StoredTables,
    circuit: str,
    trip: Callable[[float], None],
    mapped: Mapped,
) -> None:
    """In shadow mode no call is refused, so the queue goes on."""
    trip(600)
    Control(stored.tables()).apply(circuit, PolicySet({"enforce": False}, by="test"))
    pause.invoke(CHANGED)
    assert mapped() == ("Enabled", FULL)


def test_the_rule_takes_the_event(client: Callable[[str], Any]) -> None:
    """EventBridge finds that the template's pattern matches a change of this circuit, and of no other."""
    template = yaml_parse((EXAMPLE / "template.yaml").read_text())
    pattern = template["Resources"]["Pause"]["Properties"]["Events"]["Changed"]["Properties"]["Pattern"]

    def matches(circuit: str) -> bool:
        told = client("events").test_event_pattern(
            EventPattern=json.dumps(pattern | {"detail": {"circuit": [circuit]}}), Event=json.dumps(CHANGED)
        )
        return bool(told["Result"])

    assert matches(CHANGED["detail"]["circuit"])
    assert not matches("another-api")


def test_the_worker(caller_environment: Mapping[str, str], trip: Callable[[float], None]) -> None:
    """The worker hands back what is refused: messages that it had received before the pause."""
    trip(600)
    batch = {"Records": [{"messageId": "m-1", "body": "{}"}]}
    variables = {"SERVICE_URL": "http://127.0.0.1:9"}
    with lambda_environment(EXAMPLE / "worker", dict(caller_environment) | variables) as worker:
        done = worker.invoke(batch)
    assert done.answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert done.metrics() == {"Rejected": [1]}
