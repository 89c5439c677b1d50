"""A Lambda execution environment: `python lambda_runtime.py FOLDER` answers events from standard input.

Each line in is `{"event": …, "advance_seconds": …}`: before the event is handled, the clock of this process
is set forward. Each answer is a line, `{"answered": …}` or `{"raised": …}`, after what the function prints.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

_real = time.time
_ahead_seconds = 0.0


def _clock() -> float:
    return _real() + _ahead_seconds


# Before the library is imported, which takes the clock that it finds.
time.time = _clock
sys.path[:0] = [sys.argv[1], str(Path(__file__).parent)]
__import__("patient_store").be_patient()
handler = __import__("app").handler

for line in sys.stdin:
    command = json.loads(line)
    _ahead_seconds += command["advance_seconds"]
    context = SimpleNamespace(aws_request_id="8f7a", get_remaining_time_in_millis=lambda: 10_000)
    try:
        told = {"answered": handler(command["event"], context)}
    except Exception as error:  # noqa: BLE001 - as Lambda does, whatever it is
        told = {"raised": type(error).__name__}
    print(json.dumps(told), flush=True)  # noqa: T201 - standard output is how it answers
