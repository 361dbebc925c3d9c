"""Runs the fuzz suite: see `tests.fuzz.run`."""

import sys

from tests.fuzz.run import main

sys.exit(main())
