"""Amazon's DynamoDB Local as a child process, where `make contract-dynamodb-local` has fetched it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "RECLOSER_DYNAMODB_LOCAL"
_LAUNCHER = Path(__file__).with_name("LoopbackDynamoDB.java")


def is_wanted() -> bool:
    """Tell whether the environment names the folder with DynamoDBLocal.jar."""
    return bool(os.environ.get(FOLDER))


@contextmanager
def running() -> Iterator[str]:
    """Yield the endpoint of a DynamoDB Local that keeps its tables in memory, until it is left.

    Raises:
        RuntimeError: it did not start; the message has what it said.

    """
    folder = Path(os.environ[FOLDER]).resolve()
    process = subprocess.Popen(
        [
            "java",
            f"-Djava.library.path={folder / 'DynamoDBLocal_lib'}",
            "-cp",
            f"{folder / 'DynamoDBLocal.jar'}:{folder / 'DynamoDBLocal_lib'}/*",
            str(_LAUNCHER),
        ],
        env=os.environ | {"DDB_LOCAL_TELEMETRY": "0"},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield f"http://127.0.0.1:{_port(process)}"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _port(process: subprocess.Popen[str]) -> int:
    said = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        found = re.fullmatch(r"port (\d+)", line.strip())
        if found is not None:
            return int(found[1])
    raise RuntimeError(f"DynamoDB Local did not start:\n{''.join(said)}")
