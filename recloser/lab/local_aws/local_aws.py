"""A whole AWS region on this machine, with the stack deployed: `with LocalAws() as aws:`."""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

from recloser.lab.cloudwatch import CloudWatch, Event, Place
from recloser.lab.local_aws.alarm_service import AlarmService
from recloser.lab.local_aws.cloudwatch_api import CloudWatchApi
from recloser.lab.local_aws.dependency import FlakyDependency
from recloser.lab.local_aws.deployment import Deployment, Stack, source_tree, stack
from recloser.lab.local_aws.emulator import ACCOUNT, REGION, Emulator
from recloser.lab.local_aws.event_delivery import EventDelivery
from recloser.lab.local_aws.logs import LogFollower
from recloser.lab.local_aws.published_metrics import PublishedMetrics
from recloser.lab.local_aws.queue_metrics import QueueMetrics
from recloser.lab.local_aws.region_loop import RegionLoop
from recloser.lab.local_aws.telemetry import SampleListener, Telemetry

EventListener = Callable[[Event], object]
# How long metrics can be asked for: CloudWatch keeps those of seconds for three hours.
RETENTION_SECONDS = 3 * 3600

# The emulator now and then trips over its own threads and answers 500: asking again is right, except for an
# invocation, which must happen once. A function may take 60 s; whoever waits for it waits a little longer.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, max_pool_connections=32)
_LAMBDA_CONFIG = Config(read_timeout=70, retries={"total_max_attempts": 1}, max_pool_connections=32)


class LocalAws:
    """The region. Entering it builds, starts and deploys everything; leaving it stops and removes everything.

    Args:
        circuits: the circuits that get alarms.
        parameters: further template parameters.
        directory: where builds and logs are kept; by default `build/local-aws` of the source tree.
        progress: is told what is being done.
        on_sample: is told of every metric sample that the functions' logs bring.
        on_alarm_event: is told of every event that CloudWatch sends.

    Attributes:
        dependency: the flaky dependency that the demo caller calls.
        stack: what the deployment made.
        alarms: the service that evaluates alarms.
        telemetry: what takes metrics out of the logs.

    Raises:
        DeploymentError: `sam` failed, or there is no source tree.
        EmulatorError: ministack did not start.

    """

    stack: Stack
    alarms: AlarmService
    telemetry: Telemetry

    def __init__(
        self,
        circuits: Sequence[str] = ("payments-api",),
        *,
        parameters: Mapping[str, str] | None = None,
        directory: Path | None = None,
        progress: Callable[[str], object] = lambda _: None,
        on_sample: SampleListener = lambda _: None,
        on_alarm_event: EventListener = lambda _: None,
    ) -> None:
        self._circuits = tuple(circuits)
        self._parameters = dict(parameters or {})
        self._directory = directory or source_tree() / "build" / "local-aws"
        self._progress = progress
        self._on_sample = on_sample
        self._on_alarm_event = on_alarm_event
        self._cloudwatch = CloudWatch(Place(ACCOUNT, REGION), retention_seconds=RETENTION_SECONDS)
        self._api = CloudWatchApi(self._cloudwatch)
        self._emulator = Emulator(self._directory / "ministack.log", cloudwatch_url=self._api.url)
        self._exit = ExitStack()
        self._clients: dict[str, Any] = {}
        self.dependency = FlakyDependency()

    def __enter__(self) -> Self:
        with ExitStack() as entered:
            entered.enter_context(_terminate_as_interrupt())
            entered.enter_context(self.dependency)
            entered.enter_context(self._api)
            self._deploy(entered)
            self._loop = entered.enter_context(self._region())
            self._exit = entered.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.__exit__(kind, problem, trace)

    def client(self, service: str) -> Any:
        """A boto3 client of a service of this region."""
        if service not in self._clients:
            config = _LAMBDA_CONFIG if service == "lambda" else _CONFIG
            self._clients[service] = self._session.client(
                service, endpoint_url=self.endpoint_url, config=config
            )
        return self._clients[service]

    def check(self) -> None:
        """Raise what went wrong behind the scenes: the emulator or the region's loop has ended.

        Raises:
            EmulatorError: ministack ended by itself.
            RuntimeError: metrics and alarms stand still.

        """
        self._emulator.check()
        self._loop.check()

    @property
    def endpoint_url(self) -> str:
        """The address of every service."""
        return self._emulator.endpoint_url

    @property
    def circuit_table(self) -> str:
        """The name of the table of circuits."""
        return self.stack.outputs["CircuitTableName"]

    @property
    def probe_table(self) -> str:
        """The name of the table of permits."""
        return self.stack.outputs["ProbeTableName"]

    @property
    def demo_caller(self) -> str:
        """The name of the function that calls the dependency through the breaker."""
        return self.stack.outputs["DemoCallerName"]

    @functools.cached_property
    def _session(self) -> Any:  # boto3 types a client only for a literal name
        return boto3.Session(
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",  # noqa: S106 - the emulator takes any
            region_name=REGION,
        )

    def _deploy(self, entered: ExitStack) -> None:
        deployment = Deployment(self._directory)
        self._progress("building (sam build)")
        deployment.build()
        self._progress("starting the emulator (ministack)")
        entered.callback(self._emulator.stop)
        entered.callback(self._close_clients)
        self._emulator.start()
        self._progress("deploying (sam deploy --config-env local)")
        parameters = {"DependencyUrl": self.dependency.url}
        if self._circuits:  # sam takes no empty value; none is the template's default
            parameters["Circuits"] = ",".join(self._circuits)
        deployment.deploy(self.endpoint_url, parameters | self._parameters)
        self.stack = stack(self.client("cloudformation"))

    def _close_clients(self) -> None:
        while self._clients:
            self._clients.popitem()[1].close()

    def _region(self) -> RegionLoop:
        emulated = self.client("cloudwatch")
        cloudwatch = self._cloudwatch
        delivery = EventDelivery(
            events=self.client("events"), functions=self.client("lambda"), queues=self.client("sqs")
        )

        def deliver(event: Event) -> None:
            self._on_alarm_event(event)
            delivery.deliver(event)

        self.alarms = AlarmService(cloudwatch, emulated, deliver)
        self.telemetry = Telemetry(LogFollower(self.client("logs")), cloudwatch, self._on_sample)
        published, queues = PublishedMetrics(emulated), QueueMetrics(self.client("sqs"))

        def collect(now_ms: int) -> None:
            self.telemetry.collect(now_ms)
            cloudwatch.put_samples(published.collect(self.alarms.is_watched, now_ms))
            cloudwatch.put_samples(queues.collect(self.alarms.metrics(), now_ms))

        def step(now_ms: int) -> None:
            self.alarms.step(now_ms)
            self._api.stepped(now_ms)

        return RegionLoop(collect, step, lock=self._api.lock)


@contextlib.contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the block like Ctrl-C does, so that everything is stopped then too."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what a signal does
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
