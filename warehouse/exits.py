"""Exit codes, the same for every command."""

from __future__ import annotations

DONE = 0
"""Everything asked for was done."""

FAILED = 1
"""The command failed; what was there before is still there."""

PARTIAL = 2
"""Done, but something was quarantined or left for a retry."""

USAGE = 64
"""The command was called wrongly; nothing was done."""

LOCKED = 75
"""Another run holds the lock; try again later."""
