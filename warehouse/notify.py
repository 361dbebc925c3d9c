"""Tells somebody how a refresh ended: a command that is run, or an address that is called."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from warehouse import exits

if TYPE_CHECKING:
    from warehouse.settings import Settings

_SECONDS = 20


def is_wanted(settings: Settings, exit_code: int) -> bool:
    """Whether a run that ended so is to be told of.

    Args:
        settings: `OMICS_NOTIFY_ON` says which.
        exit_code: How the run ended.
    """
    wanted = {
        "failure": exit_code not in (exits.DONE, exits.PARTIAL, exits.LOCKED),
        "trouble": exit_code not in (exits.DONE, exits.LOCKED),
        "always": True,
    }
    return wanted[settings.notify_on]


def notify(settings: Settings, message: Mapping[str, Any]) -> list[str]:
    """Tell of a run by every way that is set.

    A way that fails is only reported: the run has ended as it has ended.

    Args:
        settings: `OMICS_NOTIFY_COMMAND` and `OMICS_NOTIFY_URL`.
        message: What to tell, without secrets. Its key `text` is one sentence, which is what chat
            services show.

    Returns:
        What went wrong, one sentence each; neither command nor address is repeated in it.
    """
    body = json.dumps(message, default=str, ensure_ascii=False)
    problems = []
    if settings.notify_command is not None:
        problems.append(_run(settings.notify_command.get_secret_value(), body))
    if settings.notify_url is not None:
        problems.append(_call(settings.notify_url.get_secret_value(), body))
    return [problem for problem in problems if problem]


def _run(command: str, body: str) -> str | None:
    try:
        finished = subprocess.run(  # noqa: S602 - the user's own command, as in a crontab
            command,
            shell=True,
            input=body,
            text=True,
            timeout=_SECONDS,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return f"the command of OMICS_NOTIFY_COMMAND took longer than {_SECONDS} s and was ended"
    if finished.returncode != 0:
        return f"the command of OMICS_NOTIFY_COMMAND ended with code {finished.returncode}"
    return None


def _call(address: str, body: str) -> str | None:
    request = urllib.request.Request(  # noqa: S310 - the settings take http and https only
        address, data=body.encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310 - see above
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return f"the address of OMICS_NOTIFY_URL answered with status {error.code}"
    except (OSError, ValueError) as error:
        return f"the address of OMICS_NOTIFY_URL could not be called: {type(error).__name__}"
