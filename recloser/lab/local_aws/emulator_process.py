"""The emulator's own process, started by `recloser.lab.local_aws.emulator`.

It runs ministack in the foreground, patched by the other `emulator_` modules, and dies with its parent: the
parent holds the other end of this process's standard input, so end of file means that it is gone, however it
went (also by SIGKILL, when nobody could tell us).
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading

from recloser.lab.local_aws import (
    emulator_alarms,
    emulator_cloudwatch,
    emulator_conditions,
    emulator_filters,
    emulator_iam,
    emulator_queries,
)

# Removes the scratch folder when the processes that write there have ended.
REMOVE = "import shutil, sys, time; time.sleep(1); shutil.rmtree(sys.argv[1], ignore_errors=True)"


def main() -> None:
    """Run ministack for as long as the parent process lives; TMPDIR is a folder of its own."""
    scratch = os.environ["TMPDIR"]
    os.environ.update(S3_DATA_DIR=f"{scratch}/s3", STATE_DIR=f"{scratch}/state")
    threading.Thread(target=_end_with_parent, args=(scratch,), name="parent-watch", daemon=True).start()
    cloudwatch = importlib.import_module("ministack.services.cloudwatch")
    emulator_cloudwatch.patch(cloudwatch)
    emulator_alarms.patch(
        cloudwatch,
        importlib.import_module("ministack.services.cloudformation.provisioners"),
    )
    emulator_queries.patch(importlib.import_module("ministack.services.cloudformation.provisioners"))
    emulator_conditions.patch(importlib.import_module("ministack.services.cloudformation"))
    emulator_iam.patch(
        importlib.import_module("ministack.core.iam_actions"),
        importlib.import_module("ministack.core.iam_evaluator"),
    )
    emulator_filters.patch(importlib.import_module("ministack.services.lambda_svc"))
    importlib.import_module("ministack.app").main()


def _end_with_parent(scratch: str) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass  # the parent never writes; this returns at end of file
    # In a session of its own: it outlives the group of ministack and the Lambda environments.
    subprocess.Popen([sys.executable, "-c", REMOVE, scratch], start_new_session=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
