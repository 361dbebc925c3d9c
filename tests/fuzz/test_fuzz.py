"""A bounded sample of the fuzz suite; the long run is ``make fuzz``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from loaders.formats import registry
from loaders.model import Unreadable
from tests.fuzz import mutate, run
from tests.fuzz.observe import Part, Seen
from tests.fuzz.seeds import Seed, all_seeds

SEED = 20_241_124
#: Cases of the sample: about half a minute.
CASES = 400
#: Formats that others of the seeds stand for: the same reader, or tables told by their statistics.
_STOOD_FOR = {
    "10x HDF5",
    "Parquet",
    "mzTab-M",
    "delimited matrix",
    "delimited matrix, samples in rows",
    "delimited long table",
}


def test_a_sample_of_spoiled_files_ends_as_it_may(
    record_property: Callable[[str, object], None],
) -> None:
    outcomes, most = run.run_all(SEED, range(CASES), processes=2, say=lambda _: None)
    failed = [outcome for outcome in outcomes if outcome.ended.isupper()]
    record_property(
        "summary",
        f"seed {SEED}, {len(outcomes)} cases, {len(failed)} failed, most {most / 1024**2:.0f} MB",
    )
    assert failed == [], f"again with: python -m tests.fuzz --seed {SEED} --only {failed[0].number}"
    assert len(outcomes) == CASES
    assert {"loaded", "refused", "rejects"} <= {outcome.ended for outcome in outcomes}
    assert most < run.MEMORY


def test_every_format_that_is_read_is_spoiled() -> None:
    formats = set()
    with tempfile.TemporaryDirectory() as folder:
        runner = run.Runner(1, Path(folder), seeds := all_seeds())
        for seed in seeds:
            seen = runner.unspoiled(seed)
            assert seen.refusal is None, f"{seed.name}: {seen.refusal}"
            formats |= seen.formats
    read = {
        entry.about.name
        for entry in registry.entries()
        if not entry.refused and entry.family != "result table"
    }
    missing = {
        name
        for name in read - _STOOD_FOR
        if not any(found.startswith(name.split(",")[0]) for found in formats)
    }
    assert missing == set()


def test_the_same_number_gives_the_same_case() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seeds = all_seeds()[:10]
        one, two = (run.Runner(5, Path(folder), seeds).draw(7) for _ in range(2))
    assert one is not None
    assert two is not None
    assert (one[0].name, one[1], one[2].content) == (two[0].name, two[1], two[2].content)


def seen(*rows: tuple[int, str, str, str]) -> Seen:
    """Returns an observation of one dataset: line, feature, column, value."""
    part = Part()
    for line, name, column, value in rows:
        part.names[name, column][value] += 1
        part.rows[line, column] = value
        part.landed[line] = name
    return Seen(parts={"#matrix": part})


LINES = ["name\ta\tb", "x\t1.5\tNA", "y\t1,5\t<LOD", "z\t1e3\tabc"]


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ((2, "x", "a", "1.5"), False),
        ((2, "x", "a", "1.50"), False),
        ((2, "x", "a", "15"), True),
        ((2, "x", "a", "NULL"), True),
        ((2, "x", "b", "NULL"), False),
        ((3, "y", "a", "1.5"), True),
        ((3, "y", "b", "NULL"), False),
        ((4, "z", "a", "1000"), False),
        ((4, "z", "b", "0"), True),
        ((9, "z", "b", "0"), True),
    ],
)
def test_the_oracle_of_cells_knows_a_wrong_number(
    row: tuple[int, str, str, str], wrong: bool
) -> None:
    check = mutate.told_by_cells(LINES, 0, "\t")
    if not wrong:
        check(seen(row))
        return
    with pytest.raises(AssertionError):
        check(seen(row))


def test_the_oracles_of_names_know_what_is_new_and_what_is_gone() -> None:
    base = seen((2, "x", "a", "1"), (3, "y", "a", "2"))
    mutate.same(base)(seen((3, "x", "a", "1"), (2, "y", "a", "2")))
    mutate.nothing_new(base)(seen((2, "x", "a", "1")))
    refused = Seen(refusal=Unreadable("x", place="", seen="a", expected="b"))
    mutate.refused_or_same(base)(refused)
    for check, other in (
        (mutate.same(base), seen((2, "x", "a", "1"))),
        (mutate.same(base), refused),
        (mutate.refused_or_same(base), seen((2, "x", "a", "1"))),
        (mutate.nothing_new(base), seen((2, "x", "a", "7"))),
    ):
        with pytest.raises(AssertionError):
            check(other)


def test_a_case_that_takes_too_long_or_breaks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        runner = run.Runner(1, Path(folder), [Seed("s", b"Lipid\ta\nPC 34:1\t1\n", "lipidomics")])
        runner.unspoiled(runner.seeds[0])

        def broken(*_: object) -> Seen:
            raise KeyError("defect")

        def slow(*_: object) -> Seen:
            raise run.Hung

        monkeypatch.setattr(run, "look", broken)
        assert runner.run(3).ended == "CRASH"
        monkeypatch.setattr(run, "look", slow)
        assert runner.run(3).ended == "HANG"
