"""What the emulator hands on to our CloudWatch, inside ministack's own process; see `cloudwatch_api`.

Without an address in `CLOUDWATCH_URL` nothing is handed on. PutMetricAlarm is refused here where CloudWatch
refuses a Metrics Insights alarm, in its words. All this is for JSON requests, which AWS's SDK for Python and
its command line send.
"""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any

from recloser.lab.cloudwatch import InvalidAlarmError, metric_alarm
from recloser.lab.cloudwatch.definitions import REFUSALS
from recloser.lab.local_aws.emulator import CLOUDWATCH_URL

LIST_METRICS = "ListMetrics"
HANDED_ON = ("GetMetricData", LIST_METRICS, "DescribeAlarmContributors", "DescribeAlarmHistory")
TIMEOUT_SECONDS = 30
PUT_ALARM = "PutMetricAlarm"
# Members of requests that are instants.
TIMES = ("StartTime", "EndTime")

Reply = tuple[int, dict[str, str], bytes]
Handle = Callable[..., Awaitable[Reply]]


def patch(cloudwatch: Any) -> None:
    """Hand on what only our CloudWatch knows.

    Args:
        cloudwatch: ministack's CloudWatch.

    Raises:
        RuntimeError: this version of ministack does it in some other way.

    """
    names = ("handle_request", "_json_ok", "_error", "_parse_ts")
    missing = [name for name in names if not callable(getattr(cloudwatch, name, None))]
    if missing:
        raise RuntimeError(
            f"{cloudwatch.__name__} has no {', '.join(missing)}: "
            "this version of ministack answers in a way that the local AWS does not know"
        )
    cloudwatch.handle_request = _handing_on(cloudwatch.handle_request, cloudwatch)


def _handing_on(handle: Handle, cloudwatch: ModuleType) -> Handle:
    async def handle_request(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: Mapping[str, Any]
    ) -> Reply:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if _is_json(headers) and action in HANDED_ON and CLOUDWATCH_URL in os.environ:
            request = json.loads(body)
            # Our CloudWatch itself asks which metrics the emulator has, and answers nobody meanwhile.
            if action != LIST_METRICS or request.get("Namespace"):
                # In a thread: our CloudWatch may itself be asking the emulator.
                answer = await asyncio.to_thread(_ask, action, _plain(request, cloudwatch))
                if answer:
                    return _reply(answer, cloudwatch)
        if _is_json(headers) and action == PUT_ALARM and (problem := _refusal(json.loads(body))):
            return _reply({"error": ["ValidationError", problem, 400]}, cloudwatch)
        return await handle(method, path, headers, body, query_params)

    return handle_request


def _ask(action: str, request: Mapping[str, Any]) -> dict[str, Any]:
    text = json.dumps({"action": action, "request": request}).encode()
    url = os.environ[CLOUDWATCH_URL]
    with urllib.request.urlopen(url, text, TIMEOUT_SECONDS) as answer:  # noqa: S310 - our own loopback address
        found: dict[str, Any] = json.load(answer)
    return found


def _refusal(definition: Mapping[str, Any]) -> str | None:
    """What CloudWatch says to a definition that it refuses; what only the twin refuses is stored."""
    try:
        metric_alarm(definition)
    except InvalidAlarmError as error:
        return error.problem if error.problem in REFUSALS else None
    return None


def _is_json(headers: Mapping[str, str]) -> bool:
    return "json" in headers.get("content-type", "")


def _plain(request: Mapping[str, Any], cloudwatch: Any) -> dict[str, Any]:
    """The request with its times as epoch seconds."""
    parse = cloudwatch._parse_ts  # noqa: SLF001 - as the emulator reads them
    return {key: parse(value) if key in TIMES else value for key, value in request.items()}


def _reply(answer: Mapping[str, Any], cloudwatch: Any) -> Reply:
    if "error" in answer:
        code, message, status = answer["error"]
        refused: Reply = cloudwatch._error(code, message, status, use_json=True)  # noqa: SLF001 - as it writes them
        return refused
    reply: Reply = cloudwatch._json_ok(answer["body"])  # noqa: SLF001 - the same
    return reply
