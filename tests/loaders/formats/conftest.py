"""Reading made short: bytes in, datasets out (the same helpers as for the other reading tests)."""

from tests.loaders.reading.conftest import one, read, refusal

__all__ = ["one", "read", "refusal"]
