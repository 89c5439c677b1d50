"""The emulator's own process: `python -m recloser.lab.emulator_process`, started by `recloser.lab.emulator`.

It runs ministack in the foreground, with its alarms and permissions mended (`emulator_alarms`,
`emulator_iam`), and dies with its parent: the
parent holds the other end of this process's standard input, so end of file means that the parent is gone,
however it went (also by SIGKILL, when nobody could tell us).
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import tempfile
import threading
import time

from recloser.lab import emulator_alarms, emulator_iam

SECONDS_FROM_TERMINATE_TO_KILL = 5.0


def main() -> None:
    """Run ministack until SIGTERM or until the parent process is gone."""
    # Until ministack has handlers of its own, SIGTERM must leave by way of the blocks below, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="recloser-local-aws-") as scratch:
        # ministack unpacks functions, objects and its PID file below the temporary directory.
        tempfile.tempdir = scratch
        os.environ.update(TMPDIR=scratch, S3_DATA_DIR=f"{scratch}/s3", STATE_DIR=f"{scratch}/state")
        threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
        emulator_alarms.mend(
            importlib.import_module("ministack.services.cloudwatch"),
            importlib.import_module("ministack.services.cloudformation.provisioners"),
        )
        emulator_iam.mend(importlib.import_module("ministack.core.iam_actions"))
        importlib.import_module("ministack.app").main()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass  # the parent never writes; this returns at end of file
    # The group holds ministack and the Lambda environments that it started.
    os.killpg(0, signal.SIGTERM)
    time.sleep(SECONDS_FROM_TERMINATE_TO_KILL)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
