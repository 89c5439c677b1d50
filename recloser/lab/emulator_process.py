"""The emulator's own process: `python -m recloser.lab.emulator_process`, started by `recloser.lab.emulator`.

It runs ministack in the foreground and adds two things that ministack does not do by itself:

- it dies with its parent: the parent holds the other end of this process's standard input, so end of file
  means that the parent is gone, however it went (also by SIGKILL, when nobody could tell us);
- its alarms stand still: ministack would move alarms by a rule of its own (no dimensions, no periods, no
  missing data), and `recloser.lab.alarm_service` could not tell such a move from a person's SetAlarmState.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import tempfile
import threading
import time
from types import ModuleType

# What ministack does to alarm states on its own account. The names are private to ministack, so a version
# that renamed them must fail here, loudly, and not bring its evaluation back unnoticed.
SELF_MOVING_ALARM_FUNCTIONS = ("_evaluate_alarm", "_evaluate_parent_alarms", "_transition_composite")

SECONDS_FROM_TERMINATE_TO_KILL = 5.0


def main() -> None:
    """Run ministack until SIGTERM or until the parent process is gone."""
    with tempfile.TemporaryDirectory(prefix="recloser-local-aws-") as scratch:
        # ministack unpacks functions, objects and its PID file below the temporary directory.
        tempfile.tempdir = scratch
        os.environ.update(TMPDIR=scratch, S3_DATA_DIR=f"{scratch}/s3", STATE_DIR=f"{scratch}/state")
        threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
        stop_alarms_from_moving(importlib.import_module("ministack.services.cloudwatch"))
        importlib.import_module("ministack.app").main()


def stop_alarms_from_moving(cloudwatch: ModuleType) -> None:
    """Switch off ministack's own alarm evaluation, so that only SetAlarmState changes a state.

    Args:
        cloudwatch: ministack's CloudWatch module.

    Raises:
        RuntimeError: when this ministack has no such functions: it evaluates in some other way.

    """
    missing = [name for name in SELF_MOVING_ALARM_FUNCTIONS if not callable(getattr(cloudwatch, name, None))]
    if missing:
        raise RuntimeError(
            f"{cloudwatch.__name__} has no {', '.join(missing)}: "
            "this version of ministack evaluates alarms in a way that the local AWS does not know"
        )
    for name in SELF_MOVING_ALARM_FUNCTIONS:
        setattr(cloudwatch, name, _leave_alarm_alone)


def _leave_alarm_alone(*_arguments: object, **_options: object) -> None:
    """Do nothing: the alarm's state belongs to `recloser.lab.alarm_service`."""


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass  # the parent never writes; this returns at end of file
    # The group holds ministack and the Lambda environments that it started.
    os.killpg(0, signal.SIGTERM)
    time.sleep(SECONDS_FROM_TERMINATE_TO_KILL)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
