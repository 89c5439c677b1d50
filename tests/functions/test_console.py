"""The dashboard's widget: what it shows, what it refuses, and what its buttons do."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest
from botocore.exceptions import ClientError
from deployed_functions import Region
from lambda_context import Context

from recloser.circuit import Cause, Circuit, State
from recloser.decide import Decision
from recloser.signals import AlarmRaised

ACT_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:recloser-ConsoleAct"
CHROMIUM = shutil.which("chromium")
FORM = {"recloser_reason": "the vendor migrates", "recloser_by": "ann", "recloser_minutes": "30"}
HOSTILE = "<script>alert(1)</script>\"'&\x1b[2J\u202e"


@pytest.fixture
def console(region: Region, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function that shows, over the region's tables."""
    monkeypatch.setenv("RECLOSER_CONSOLE_ACT_ARN", ACT_ARN)
    return importlib.import_module("console.app")


@pytest.fixture
def act(region: Region, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The function that acts, over the region's tables."""
    return importlib.import_module("console_act.app")


@pytest.fixture
def tripped(act: ModuleType) -> Any:
    """The tables, where payments-api is open."""
    act.CONTROL.apply("payments-api", AlarmRaised("recloser:payments-api:failure-rate-fast", HOSTILE, None))
    return act.CONTROL.tables


def widget(theme: str = "light", **form: str) -> dict[str, Any]:
    return {"theme": theme, "forms": {"all": form}}


class Elements(HTMLParser):
    """Notes every element, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.told = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.told += data


def test_overview(console: ModuleType, act: ModuleType, tripped: Any) -> None:
    """Open circuits come first; each has its buttons, which name the function that acts and ask once more."""
    calm = Circuit("aaa", revision=1, closed_at_ms=1_789_000_000_000)
    tripped.commit(Circuit("aaa"), Decision(Cause.RESET, "", calm))
    page = console.handler({"widgetContext": widget()}, Context())

    assert page.index("payments-api") < page.index(">aaa<")
    actions = re.findall(r'<cwdb-action action="call" endpoint="([^"]+)" ([^>]*)>([^<]*)</cwdb-action>', page)
    acting = [(more, body) for arn, more, body in actions if arn == ACT_ARN and '"payments-api"' in body]
    assert [body for _, body in acting] == [
        f'{{"action": "{action}", "circuit": "payments-api"}}'
        for action in ("open", "close", "release", "reset")
    ]
    assert all("confirmation=" in more for more, _ in acting)


def test_everything_is_escaped(console: ModuleType, tripped: Any) -> None:
    """A reason that somebody else wrote is text, and steers nothing."""
    for event in ({}, {"circuit": "payments-api"}):
        page = console.handler(event | {"widgetContext": widget()}, Context())
        elements = Elements(page)
        assert "script" not in elements.tags
        assert "<script>alert(1)</script>" in elements.told
        assert not {"\x1b", "\u202e"} & set(page)


def test_describe(console: ModuleType, act: ModuleType) -> None:
    """Both say what they are for."""
    assert "circuit: payments-api" in console.handler({"describe": True}, Context())
    assert "Called by the widget" in act.handler({"describe": True}, Context())


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"colour": "red"}, "parameter colour is unknown: allowed is circuit"),
        ({"circuit": "a b"}, "circuit name &#x27;a b&#x27; is not allowed"),
        ({"circuit": ["x"]}, "is not allowed: 1 to 64"),
    ],
)
def test_showing_refuses(event: dict[str, Any], told: str, console: ModuleType) -> None:
    """What is unknown or not allowed is told."""
    assert told in console.handler(event | {"widgetContext": widget()}, Context())


def press(act: ModuleType, action: str, circuit: str = "payments-api", **form: str) -> str:
    page: str = act.handler(
        {"action": action, "circuit": circuit, "widgetContext": widget(**form)}, Context()
    )
    return Elements(page).told


def test_buttons(act: ModuleType, tripped: Any) -> None:
    """The buttons force open or closed for a time, release and reset; the name is marked as claimed."""
    assert "forced CLOSED by ann (claimed): the vendor migrates" in press(act, "close", **FORM)
    override = tripped.read("payments-api", consistent=True).override
    assert override is not None
    assert override.until_ms - override.at_ms == 30 * 60_000
    assert "override released by ann (claimed)" in press(act, "release", **FORM)
    assert "forced OPEN by ann (claimed)" in press(act, "open", **FORM)
    assert "reset by ann (claimed)" in press(act, "reset", **FORM)
    assert tripped.read("payments-api", consistent=True).state is State.CLOSED


@pytest.mark.parametrize(
    ("action", "changes", "told"),
    [
        ("explode", {}, "action 'explode' is not allowed: one of open, close, release, reset"),
        ("open", {"recloser_reason": " "}, "why '' is not allowed: a few words"),
        ("open", {"recloser_reason": "a\x1bb"}, "is not allowed: a few words"),
        ("release", {"recloser_by": ""}, "your name '' is not allowed"),
        ("open", {"recloser_minutes": "0"}, "minutes '0' is not allowed: 1 to 10080"),
        ("open", {"recloser_minutes": "9999999999"}, "is not allowed: 1 to 10080"),
        ("open", {"recloser_minutes": "-5"}, "is not allowed: 1 to 10080"),
    ],
)
def test_acting_refuses(
    action: str, changes: dict[str, str], told: str, act: ModuleType, tripped: Any
) -> None:
    """What is not allowed changes nothing, and is told."""
    before = tripped.read("payments-api", consistent=True)
    assert told in press(act, action, **FORM | changes)
    assert tripped.read("payments-api", consistent=True) == before


def test_unknown_circuit(act: ModuleType) -> None:
    """A button makes no circuits."""
    assert press(act, "open", "nobody", **FORM).endswith("circuit nobody is not known")
    page = act.handler({"action": "open", "circuit": "a", "x": 1, "widgetContext": widget()}, Context())
    assert "parameter x is unknown" in page


@pytest.fixture
def called(region: Region) -> None:
    """Callers count calls of a circuit that never changed."""
    region.cloudwatch.put_metric_data(
        Namespace="Recloser",
        MetricData=[
            {"MetricName": "Failure", "Value": 0, "Dimensions": [{"Name": "Circuit", "Value": "search"}]}
        ],
    )


@pytest.fixture
def unlisted(console: ModuleType, act: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudWatch does not list metrics."""

    def throttled() -> NoReturn:
        raise ClientError({"Error": {"Code": "Throttling", "Message": "slow down"}}, "ListMetrics")

    for module in (console, act):
        monkeypatch.setattr(module, "called", throttled)


@pytest.mark.usefixtures("called")
def test_a_circuit_that_never_changed(console: ModuleType, act: ModuleType, tripped: Any) -> None:
    """It is known by its metrics: the widget lists it, and its buttons act."""
    told = Elements(console.handler({"widgetContext": widget()}, Context())).told
    assert told.index("payments-api") < told.index("CLOSEDsearch")
    assert "forced OPEN by ann (claimed)" in press(act, "open", "search", **FORM)
    assert tripped.read("search", consistent=True).state is State.OPEN


@pytest.mark.usefixtures("unlisted")
def test_metrics_that_cannot_be_listed(console: ModuleType, act: ModuleType, tripped: Any) -> None:
    """The stored circuits are shown and moved all the same, and a sentence says what is missing and why."""
    told = Elements(console.handler({"widgetContext": widget()}, Context())).told
    assert "payments-api" in told
    assert "Circuits that never changed are missing, because CloudWatch does not list them" in told
    assert "slow down" in told
    assert "forced OPEN by ann (claimed)" in press(act, "open", **FORM)
    answer = press(act, "open", "search", **FORM)
    assert "circuit search never changed, and CloudWatch does not say whether it is called" in answer


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_in_a_browser(theme: str, console: ModuleType, tripped: Any, tmp_path: Path) -> None:
    """A browser draws the page, runs nothing of it, and shows hostile text as text."""
    page = tmp_path / "page.html"
    body = console.handler({"widgetContext": widget(theme)}, Context())
    page.write_text(f"<!doctype html><meta charset=utf-8><body>{body}</body>", encoding="utf-8")
    answer = subprocess.run(
        [
            str(CHROMIUM),
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "&lt;script&gt;alert(1)" in answer.stdout
    assert answer.stdout.count("<cwdb-action") == 5
    assert ("#161e2d" in answer.stdout) == (theme == "dark")
