"""Runs mutations over all seeds: no crash, no hang, bounded memory, never a different number.

    python -m tests.fuzz --cases 20000 --seed 1

Every case follows from the seed and its number alone, so a failure is run again with
``--only NUMBER``, which keeps its file. Cases run in processes of their own: a case is given up
after 10 s, and the most memory that a process ever held is looked at after each.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.mutate import MUTATIONS, Case, bombs
from tests.fuzz.observe import Seen, look
from tests.fuzz.seeds import Seed, all_seeds

REPOSITORY = Path(__file__).resolve().parents[2]
CORPUS = REPOSITORY.parent / "shared" / "corpus"
#: A case that takes longer than this hangs.
SECONDS = 10
#: A process that needs more than this, in bytes, is not bounded.
MEMORY = 600 * 1024**2
#: Cases that one process runs.
BATCH = 250
#: One case of so many is a bomb: each takes some tenths of a second to make.
BOMB_EVERY = 400
#: Share of the cases that are public files, where they are: they take longer.
PUBLIC = 0.25
#: Mutations that also fit files that are refused as they are.
_ALWAYS = ("truncated", "flipped", "spliced")


@dataclass(frozen=True)
class Outcome:
    """How a case ended."""

    number: int
    seed: str
    mutation: str
    ended: str
    detail: str = ""


class Hung(BaseException):
    """A case took too long; not an Exception, so that no reader takes it for its own."""


class Runner:
    """Runs cases; remembers how each seed reads unspoiled."""

    def __init__(self, seed: int, folder: Path, seeds: Sequence[Seed] | None = None) -> None:
        """Makes the seeds, in an order that does not change."""
        self._seed = seed
        self._folder = folder
        self.seeds = list(seeds) if seeds is not None else all_seeds(CORPUS.resolve())
        self._own = [seed for seed in self.seeds if not seed.is_public]
        self._public = [seed for seed in self.seeds if seed.is_public]
        self._base: dict[str, Seen] = {}

    def unspoiled(self, seed: Seed) -> Seen:
        """Reads a seed as it is."""
        if seed.name not in self._base:
            path = self._folder / "seed"
            path.write_bytes(seed.content)
            self._base[seed.name] = look(path, seed.omics, seed.mapping, self._beside(seed))
        return self._base[seed.name]

    def _beside(self, seed: Seed) -> list[Path]:
        """Writes the files that are read together with a seed."""
        paths = [self._folder / name for name, _ in seed.beside]
        for path, (_, content) in zip(paths, seed.beside, strict=True):
            path.write_bytes(content)
        return paths

    def draw(self, number: int) -> tuple[Seed, str, Case] | None:
        """Returns the spoiled file of a number; None where the mutation does not fit the seed."""
        rng = random.Random(f"{self._seed}/{number}")
        seed = rng.choice(self._public if self._public and rng.random() < PUBLIC else self._own)
        base = self.unspoiled(seed)
        for _ in range(20):
            ((chosen, _),) = rng.choices(MUTATIONS, weights=[weight for _, weight in MUTATIONS])
            if number % BOMB_EVERY == 0:
                chosen = bombs
            if base.refusal is not None and chosen.__name__ not in (
                "truncated",
                "flipped",
                "spliced",
            ):
                continue
            case = chosen(seed, base, rng)
            if case is not None:
                return seed, chosen.__name__, case
        return None

    def run(self, number: int) -> Outcome:
        """Runs one case."""
        drawn = self.draw(number)
        if drawn is None:
            return Outcome(number, "", "", "no mutation fits")
        seed, mutation, case = drawn
        # Always one name: files of one sample are called by it, and it must not change.
        path = self._folder / "seed"
        path.write_bytes(case.content)
        beside = self._beside(seed)
        try:
            # Seconds of the processor: the machine may have other work.
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            seen = look(path, seed.omics, seed.mapping, beside)
            signal.setitimer(signal.ITIMER_PROF, 0)
            case.check(seen)
        except Hung:
            return Outcome(number, seed.name, mutation, "HANG", f"more than {SECONDS} s")
        except AssertionError as error:
            return Outcome(number, seed.name, mutation, "WRONG", str(error)[:500])
        except Exception as error:  # whatever a reader raises beside Unreadable is a defect
            return Outcome(
                number, seed.name, mutation, "CRASH", f"{type(error).__name__}: {error}"[:500]
            )
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if seen.refusal is not None:
            return Outcome(number, seed.name, mutation, "refused", seen.refusal.reason_code)
        return Outcome(number, seed.name, mutation, "rejects" if seen.rejected else "loaded")


def peak() -> int:
    """Returns the most memory that this process has held, in bytes.

    Linux counts into `ru_maxrss` what the process that started this one had held, so its own record
    is asked first.
    """
    status = Path("/proc/self/status")
    if status.exists():
        held = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if held is not None:
            return int(held[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def work(seed: int, numbers: Sequence[int]) -> None:
    """Runs cases in this process and prints one line of JSON for each."""
    faulthandler.enable()
    # The address space is larger than the memory in use: Arrow and numpy reserve much of it.
    resource.setrlimit(resource.RLIMIT_AS, (6 * 1024**3, 6 * 1024**3))

    def stop(_: int, __: FrameType | None) -> None:
        raise Hung

    signal.signal(signal.SIGPROF, stop)
    with tempfile.TemporaryDirectory(prefix="omics-fuzz-") as folder:
        runner = Runner(seed, Path(folder))
        before = peak()
        for number in numbers:
            outcome = runner.run(number)
            after = peak()
            if after > MEMORY >= before:
                detail = f"{after / 1024**2:.0f} MB; {outcome.ended} {outcome.detail}"
                outcome = Outcome(number, outcome.seed, outcome.mutation, "MEMORY", detail)
            before = after
            print(json.dumps({**outcome.__dict__, "peak": after}), flush=True)


def _batches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for at in range(0, len(numbers), BATCH):
        yield numbers[at : at + BATCH]


def run_all(
    seed: int, numbers: Sequence[int], *, processes: int, say: Any = print
) -> tuple[list[Outcome], int]:
    """Runs cases in processes of their own.

    Returns:
        The outcomes, and the most memory that any process held, in bytes.
    """
    waiting = list(_batches(numbers))
    running: list[tuple[subprocess.Popen[str], list[int], Any]] = []
    outcomes: list[Outcome] = []
    most = 0
    began = time.monotonic()
    while waiting or running:
        while waiting and len(running) < processes:
            batch = list(waiting.pop(0))
            held = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed when its process has ended
            command = [sys.executable, "-m", "tests.fuzz", "--seed", str(seed), "--work"]
            process = subprocess.Popen(
                [*command, ",".join(map(str, batch))],
                cwd=REPOSITORY,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
                stdout=held,
                stderr=subprocess.PIPE,
                text=True,
            )
            running.append((process, batch, held))
        process, batch, held = running.pop(0)
        late = False
        try:
            _, errors = process.communicate(timeout=SECONDS * len(batch) + 120)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
            late = True
        held.seek(0)
        lines = [json.loads(line) for line in held if line.startswith("{")]
        held.close()
        most = max([most, *(line.pop("peak") for line in lines)])
        found = [Outcome(**line) for line in lines]
        outcomes += found
        left = batch[len(found) :]
        if left:
            # The first case without an answer ended the process; the others are run again.
            why = "HANG" if late else "CRASH"
            outcomes.append(Outcome(left[0], "", "", why, f"process ended: {errors[-600:]}"))
            if left[1:]:
                waiting.append(left[1:])
        spent = time.monotonic() - began
        bad = sum(outcome.ended.isupper() for outcome in outcomes)
        say(f"{len(outcomes):,} cases, {bad} failed, {most / 1024**2:.0f} MB, {spent:.0f} s")
    return outcomes, most


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the suite from the command line; returns 1 if any case failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=max(1, min(2, os.cpu_count() or 1)))
    parser.add_argument("--only", type=int, help="run one case and keep its file")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.work:
        work(chosen.seed, [int(number) for number in chosen.work.split(",")])
        return 0
    if chosen.only is not None:
        return _only(chosen.seed, chosen.only)
    outcomes, most = run_all(chosen.seed, range(chosen.cases), processes=chosen.processes)
    return report(chosen.seed, outcomes, most)


def _only(seed: int, number: int) -> int:
    folder = Path(tempfile.mkdtemp(prefix=f"omics-fuzz-{seed}-{number}-"))
    runner = Runner(seed, folder)
    with contextlib.suppress(AssertionError):
        outcome = runner.run(number)
        print(outcome)
        print(f"file: {folder / 'seed'}")
        return int(outcome.ended.isupper())
    return 1


def report(seed: int, outcomes: Sequence[Outcome], most: int) -> int:
    """Prints what came of a run; returns 1 if any case failed."""
    ended = Counter(outcome.ended for outcome in outcomes)
    by_mutation: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        by_mutation.setdefault(outcome.mutation or "-", Counter())[outcome.ended] += 1
    for name, counts in sorted(by_mutation.items()):
        print(f"  {name:18} " + ", ".join(f"{n:,} {what}" for what, n in sorted(counts.items())))
    failed = [outcome for outcome in outcomes if outcome.ended.isupper()]
    for outcome in failed[:40]:
        print(f"{outcome.ended} case {outcome.number}: {outcome.seed}, {outcome.mutation}")
        print(f"    {outcome.detail}")
        print(f"    again: python -m tests.fuzz --seed {seed} --only {outcome.number}")
    print(
        f"seed {seed}: {len(outcomes):,} cases: "
        + ", ".join(f"{n:,} {w}" for w, n in ended.items())
    )
    print(f"most memory of a process: {most / 1024**2:.0f} MB; failed: {len(failed)}")
    return int(bool(failed))
