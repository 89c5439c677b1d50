"""The operator's command `recloser` (extra `cli`; not in the layer)."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def run() -> None:
    """Run the command, or say what to install where the extra is missing."""
    if find_spec("typer") is None or find_spec("rich") is None:
        sys.exit("recloser: the command needs its extra: pip install 'recloser[cli]'")
    from recloser.cli.main import main  # noqa: PLC0415  (needs what was just looked for)

    main()
