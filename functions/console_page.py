"""The HTML of the dashboard's widget. All text from elsewhere is escaped; a dashboard runs no scripts.

Source: "Custom widget", CloudWatch user guide: `cwdb-action` makes a button of the element before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape

from moments import moment

from recloser.circuit import Circuit, State, is_name
from recloser.plain_text import printable
from recloser.policy import CallerPolicy

REASON, NAME, MINUTES = "recloser_reason", "recloser_by", "recloser_minutes"
ACTIONS = {
    "open": ("Force open", "Refuse every call of"),
    "close": ("Force closed", "Let every call through of"),
    "release": ("Release", "Take the override back of"),
    "reset": ("Reset", "Close and forget earlier trips of"),
}
_ORDER = (State.OPEN, State.HALF_OPEN, State.CLOSED)
_COLORS = {State.OPEN: "#e5432d", State.HALF_OPEN: "#c98500", State.CLOSED: "#2c9c2c"}
_DARK = "background:#161e2d;color:#d1d5db"
_LIGHT = "background:#fff;color:#16191f"
_STYLE = """<style>
.recloser{{{theme};font:13px sans-serif;padding:8px}} .recloser table{{border-collapse:collapse;width:100%}}
.recloser td,.recloser th{{text-align:left;padding:3px 8px;border-bottom:1px solid #8886;vertical-align:top}}
.recloser input{{margin-right:8px}} .recloser a{{margin-right:6px;white-space:nowrap}}
</style>"""


def text(value: object) -> str:
    """Make text from anywhere safe for HTML."""
    return escape(printable(str(value)), quote=True)


def overview(
    circuits: Iterable[Circuit], now_ms: int, arns: Mapping[str, str], *, note: str, dark: bool
) -> str:
    """Show circuits, open ones first, each with its buttons.

    Args:
        circuits: as they are stored; one that never changed as it would be.
        now_ms: epoch milliseconds.
        arns: of the functions `show` and `act`.
        note: what is missing, and why; empty: nothing.
        dark: whether the dashboard is.

    """
    rows = sorted(circuits, key=lambda each: (_ORDER.index(each.state_for_callers(now_ms)), each.name))
    body = "".join(_row(circuit, now_ms, arns) for circuit in rows)
    heads = "".join(f"<th>{each}</th>" for each in ("state", "circuit", "since", "retry", "trips", "why", ""))
    table = f"<table><tr>{heads}</tr>{body}</table>" if rows else "<p>No circuit is known yet.</p>"
    missing = f"<p>{text(note)}</p>" if note else ""
    return _page(f"{_form()}{table}{missing}", dark=dark)


def last_outage(circuit: Circuit, *, dark: bool) -> str:
    """Show the last transitions of a circuit, newest first."""
    rows = "".join(
        f"<tr><td>{moment(line.at_ms)}</td><td>{line.from_state} → {line.to_state}</td>"
        f"<td>{text(line.reason)}</td></tr>"
        for line in reversed(circuit.history)
    )
    return _page(f"<h3>{text(circuit.name)}</h3><table>{rows}</table>", dark=dark)


def message(told: str, *, dark: bool) -> str:
    """Show one sentence."""
    return _page(f"<p>{text(told)}</p>", dark=dark)


def _page(body: str, *, dark: bool) -> str:
    return f'{_STYLE.format(theme=_DARK if dark else _LIGHT)}<div class="recloser">{body}</div>'


def _form() -> str:
    return (
        f'<p>Why <input name="{REASON}" size="30"> your name, as claimed <input name="{NAME}" size="12"> '
        f'minutes <input name="{MINUTES}" size="4" value="30"></p>'
    )


def _row(circuit: Circuit, now_ms: int, arns: Mapping[str, str]) -> str:
    seen = circuit.state_for_callers(now_ms)
    since_ms = circuit.closed_at_ms if seen is State.CLOSED else circuit.opened_at_ms
    cells = (
        f'<b style="color:{_COLORS[seen]}">{seen}</b>',
        text(circuit.name),
        moment(since_ms),
        moment(circuit.retry_at_ms),
        text(circuit.trips or ""),
        text(_why(circuit, now_ms)),
        _buttons(circuit.name, arns),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _why(circuit: Circuit, now_ms: int) -> str:
    shadow = "" if CallerPolicy.of(circuit.policy).enforce else "shadow mode: "
    override = circuit.active_override(now_ms)
    if override is None:
        return shadow + circuit.reason
    until = "released" if override.until_ms is None else moment(override.until_ms)
    return f"{shadow}by {override.by}: {override.why} (until {until})"


def _buttons(name: str, arns: Mapping[str, str]) -> str:
    if not is_name(name):
        return ""  # written manually: nothing of ours has such a name
    last = _button("Last outage", arns["show"], {"circuit": name}, 'display="popup"')
    acts = (
        _button(
            label,
            arns["act"],
            {"action": action, "circuit": name},
            f'display="popup" confirmation="{what} {name}?"',
        )
        for action, (label, what) in ACTIONS.items()
    )
    return last + "".join(acts)


def _button(label: str, arn: str, parameters: Mapping[str, str], more: str) -> str:
    body = escape(json.dumps(parameters), quote=False)
    action = f'<cwdb-action action="call" endpoint="{escape(arn)}" {more}>{body}</cwdb-action>'
    return f'<a class="btn">{label}</a>{action}'
