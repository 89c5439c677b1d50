"""Lets the tables take their time: for what is tested with answers of a store, however busy the machine.

`python patient_store.py PROGRAM ARGUMENT …` runs a program so.
"""

from __future__ import annotations

import runpy
import sys

from recloser.store.deadline import Deadline

PATIENCE_SECONDS = 30.0


def be_patient() -> None:
    """Let every exchange with the store of this process take half a minute."""
    Deadline.__init__.__defaults__ = (PATIENCE_SECONDS, PATIENCE_SECONDS)


if __name__ == "__main__":
    be_patient()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
