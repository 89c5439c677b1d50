"""Where a picture may be written."""

from __future__ import annotations

from pathlib import Path

from recloser.cli.problems import BadInput


def check_picture(path: Path | None, *endings: str) -> None:
    """See before the work begins that a picture can be written; None: there is to be none.

    Raises:
        BadInput: the file has none of these endings, or is a folder, or its folder does not exist.

    """
    if path is None:
        return
    if path.is_dir():
        raise BadInput("--plot", str(path), "a file, and this is a folder")
    if path.suffix not in endings:
        raise BadInput("--plot", str(path), f"a file that ends in {' or '.join(endings)}")
    if not path.parent.is_dir():
        raise BadInput("--plot", str(path), "a file in a folder that exists")
