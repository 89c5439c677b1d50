"""`recloser demo`: the whole story on this machine. The packages it needs come with the extra `lab`."""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec

import typer

from recloser.cli.problems import Problem

MODULE = "recloser.lab.demo"


def demo(context: typer.Context) -> None:
    """Watch a deployed breaker trip and recover, on a local AWS. Arguments: see demo --help."""
    sys.argv = ["recloser demo", *context.args]
    if find_spec(MODULE) is None:
        raise Problem(f"recloser demo needs {MODULE}, which this installation of Recloser does not have")
    try:
        runpy.run_module(MODULE, run_name="__main__")
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        raise Problem(
            f"recloser demo needs {missing}, which is not installed: pip install 'recloser[lab]'"
        ) from error
