"""boto3 clients that speak to an emulator and to nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3

from recloser.lab.local_aws.emulator import Emulator, client_environment


@contextmanager
def clients(emulator: Emulator) -> Iterator[Callable[[str], Any]]:
    """Give clients by the service's name; they are closed at the end."""
    environment = client_environment(emulator.endpoint_url)
    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = session.client(service, endpoint_url=emulator.endpoint_url)  # type: ignore[call-overload]  # a name not literal
        return made[service]

    yield client
    for each in made.values():
        each.close()
