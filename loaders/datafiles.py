"""Tables of headers, tokens and layouts are data files beside the code; this reads them."""

from __future__ import annotations

from importlib.resources import files
from typing import Any


def read_yaml(package: str, name: str) -> Any:
    """Returns the content of a YAML file of a package.

    The C parser is taken where PyYAML has it: the layouts alone took the other one 0.7 s, in every
    reading process.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = files(package).joinpath(name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=loader)  # noqa: S506 - both choices are safe loaders
