"""stub."""
from __future__ import annotations
from typing import Any
def flag_values(pairs: Any) -> Any: ...
