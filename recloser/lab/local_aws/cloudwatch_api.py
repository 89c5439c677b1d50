"""What our CloudWatch answers itself: the requests that the emulator hands on.

    caller ──▶ emulator ──HTTP──▶ CloudWatchApi ──▶ twin

The emulator has neither our metrics nor our contributors, so its process asks here (`emulator_cloudwatch`).
Answers are as of the last round of the region's loop: what the twin has looked at cannot be looked at from
earlier.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from recloser.lab.cloudwatch import (
    CloudWatch,
    InvalidQueryError,
    Metric,
    NoContributorsError,
    NoSuchAlarmError,
)
from recloser.lab.cloudwatch.insights import is_query

logger = logging.getLogger(__name__)

Answer = dict[str, Any]
Request = Mapping[str, Any]


class CloudWatchApi:
    """Serves the twin on a loopback port.

    Args:
        cloudwatch: the twin.

    Attributes:
        lock: whoever changes the twin, or asks it, holds this.

    """

    def __init__(self, cloudwatch: CloudWatch) -> None:
        self._cloudwatch = cloudwatch
        self._as_of_ms = 0
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, name="cloudwatch-api", daemon=True)

    @property
    def url(self) -> str:
        """Where the emulator asks."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def stepped(self, now_ms: int) -> None:
        """Take note that the twin has been brought to `now_ms`, epoch milliseconds."""
        self._as_of_ms = now_ms

    def answer(self, action: str, request: Request) -> Answer:
        """Return `{"body": …}` or `{"error": [code, message, HTTP status]}`.

        `{}` is none of our business: the emulator answers itself. Times are epoch seconds.
        """
        with self.lock:
            match action:
                case "GetMetricData":
                    return self._metric_data(request)
                case "ListMetrics":
                    return self._list_metrics(request)
                case "DescribeAlarmContributors":
                    return self._contributors(request)
                case "DescribeAlarmHistory":
                    return self._history(request)
        return {}

    def _metric_data(self, request: Request) -> Answer:
        queries = request["MetricDataQueries"]
        if not self._is_ours(queries):
            return {}
        span_ms = (round(request["StartTime"] * 1000), round(request["EndTime"] * 1000))
        try:
            results = self._cloudwatch.get_metric_data(queries, span_ms, self._as_of_ms)
        except InvalidQueryError as error:
            return {"error": ["ValidationError", str(error), 400]}
        for result in results:
            points = list(zip(result["Timestamps"], result["Values"], strict=True))
            if request.get("ScanBy") != "TimestampAscending":
                points.reverse()
            result["Timestamps"] = [at_ms / 1000 for at_ms, _ in points]
            result["Values"] = [value for _, value in points]
        return {"body": {"MetricDataResults": results}}

    def _is_ours(self, queries: list[Request]) -> bool:
        """Whether the twin has one of the metrics, or a query is asked, which the emulator does not know."""
        if any(is_query(query.get("Expression") or "") for query in queries):
            return True
        asked = [query["MetricStat"]["Metric"] for query in queries if query.get("MetricStat")]
        namespaces = {metric.namespace for metric in self._cloudwatch.metrics.metrics()}
        return any(metric.get("Namespace") in namespaces for metric in asked)

    def _list_metrics(self, request: Request) -> Answer:
        """Which metrics there are, of a namespace that is ours."""
        known = [
            metric
            for metric in self._cloudwatch.metrics.metrics()
            if metric.namespace == request.get("Namespace")
        ]
        if not known:
            return {}
        wanted = {(each["Name"], each.get("Value")) for each in request.get("Dimensions") or ()}
        found = [
            {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
            }
            for metric in sorted(known, key=str)
            if request.get("MetricName") in (None, metric.name)
            and all(_has(metric, name, value) for name, value in wanted)
        ]
        return {"body": {"Metrics": found}}

    def _contributors(self, request: Request) -> Answer:
        name = str(request.get("AlarmName"))
        try:
            found = self._cloudwatch.describe_alarm_contributors(name)
        except NoSuchAlarmError:
            return {"error": ["ResourceNotFoundException", f"No alarm for name {name} was found", 404]}
        except NoContributorsError as error:
            return {"error": ["ValidationError", str(error), 400]}
        return {"body": {"AlarmContributors": found}}

    def _history(self, request: Request) -> Answer:
        kind, contributor = request.get("HistoryItemType"), request.get("AlarmContributorId")
        if contributor is None and not str(kind).startswith("AlarmContributor"):
            return {}
        items = self._cloudwatch.describe_alarm_history(request.get("AlarmName"), kind, contributor)
        return {"body": {"AlarmHistoryItems": items}}


def _has(metric: Metric, name: str, value: str | None) -> bool:
    return any(key == name and value in (None, found) for key, found in metric.dimensions)


def _handler(api: CloudWatchApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                text = json.dumps(api.answer(asked["action"], asked["request"])).encode()
            except Exception:
                logger.exception("our CloudWatch cannot answer %s", asked["action"])
                self.send_error(500)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing of each request."""

    return Handler
