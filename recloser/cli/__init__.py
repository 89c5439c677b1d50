"""The operator's command `recloser` (extra `cli`; not in the layer)."""

from importlib.util import find_spec

if find_spec("typer") is None or find_spec("rich") is None:
    raise ImportError("the command recloser needs its extra: pip install 'recloser[cli]'")
