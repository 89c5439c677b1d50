"""The DynamoDB client of a process: made when needed, and again after a fork or without credentials."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

CONNECT_SECONDS = 0.3
READ_SECONDS = 0.5

# A client looks for its credentials once, when it is made: with these errors a new one may do better.
_CREDENTIAL_ERRORS = frozenset(
    {
        "CredentialRetrievalError",
        "InfiniteLoopConfigError",
        "MetadataRetrievalError",
        "NoAuthTokenError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "SSOError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)
_CREDENTIAL_CODES = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)


class ClientOfProcess:
    """Hands out a client, and never one that another process speaks on.

    Args:
        given: a client that was made elsewhere; by default one is made here, with short timeouts and no
            retries of its own.

    """

    def __init__(self, given: Any = None) -> None:
        self._given = given
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._making = threading.Lock()
        self._made: Any = None

    @property
    def is_own(self) -> bool:
        return self._given is None

    def get(self) -> Any:
        """Return the client, made now if there is none.

        Raises:
            botocore.exceptions.BotoCoreError: none can be made: there is no region, or a profile is broken.

        """
        if self._given is not None:
            return self._given
        if self._made is None:
            with self._making:
                if self._made is None:
                    self._made = _made()
        return self._made

    def leave_parent(self) -> bool:
        """Forget the parent's connections, in a forked child; return False in any other process."""
        if self._pid == os.getpid():
            return False
        self._begin()
        close = getattr(self._given, "close", None)
        if close is not None:
            close()  # the pool of connections; the client makes new ones
        return True

    def forget_without_credentials(self, error: BaseException) -> None:
        """Have a new client made for the next request, if that may have better credentials."""
        response = getattr(error, "response", None) or {}
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & _CREDENTIAL_ERRORS or response.get("Error", {}).get("Code") in _CREDENTIAL_CODES:
            self._made = None


def import_seconds() -> float:
    """Import what a client is made with; return how long that took.

    botocore takes longer to import than all the rest: it is, where it is needed, and not before.
    """
    began = time.monotonic()
    import botocore.config  # noqa: PLC0415
    import botocore.exceptions  # noqa: PLC0415
    import botocore.parsers  # noqa: PLC0415
    import botocore.session  # noqa: F401, PLC0415

    return time.monotonic() - began


def _made() -> Any:
    from botocore.config import Config  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1},  # who asks knows what may be repeated
    )
    return get_session().create_client("dynamodb", config=config)
