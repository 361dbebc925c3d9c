"""The published lists: every level, formula and mass, and every name that must be refused."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from loaders.lipids import goslin, shorthand
from loaders.lipids.formula import ion_mz
from loaders.lipids.model import LEVELS, LipidName
from loaders.lipids.normalise import normalise

_GRAMMARS = {"Shorthand2020": "Shorthand", "HMDB": "Hmdb"}
_FIELDS = {
    "SPECIES": "species",
    "MOLECULAR_SPECIES": "molecular_species",
    "SN_POSITION": "sn_position",
    "STRUCTURE_DEFINED": "structure_defined",
    "FULL_STRUCTURE": "full_structure",
    "FORMULA": "formula",
    "AS_GIVEN": "normalized",
}


def _first_column(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(dict.fromkeys(row[0] for row in csv.reader(lines) if row and row[0]))


def _levels(truth: Path) -> list[dict[str, str]]:
    with (truth / "lipid_levels.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_every_grammar_gives_every_level(truth: Path) -> None:
    rows = _levels(truth)
    wrong = [
        row
        for row in rows
        if goslin.level_strings(row["raw_name"], _GRAMMARS.get(row["grammar"], row["grammar"])).get(
            row["level"]
        )
        != row["expected"]
    ]
    assert len(rows) == 470
    assert not wrong


def test_the_normaliser_gives_every_level_it_claims(truth: Path) -> None:
    """Where it differs, it gives the canonical spelling of the same lipid, or claims less."""
    claimed_less = 0
    for row in _levels(truth):
        found = normalise(row["raw_name"])
        assert found.status == "mapped", row
        given = getattr(found, _FIELDS[row["level"]])
        if given == row["expected"]:
            continue
        if given is None:
            # Positions that the name does not have, or that its own shorthand cannot carry.
            assert LEVELS.index(row["level"]) > LEVELS.index(str(found.level)), row
            claimed_less += 1
            continue
        expected = normalise(row["expected"])
        assert given == getattr(expected, _FIELDS[row["level"]]), row
        assert given.startswith("HexCer"), row
    assert claimed_less <= 12


def test_shorthand_of_all_levels(truth: Path) -> None:
    with (truth / "goslin/shorthand-test.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.reader(lines) if row]
    assert len(rows) == 43
    for row in rows:
        given = goslin.level_strings(row[0], "Shorthand")
        assert [given[level] for level in reversed(LEVELS)] == row[:5]
        found = normalise(row[0])
        for level, expected in zip(reversed(LEVELS), row[:5], strict=True):
            assert getattr(found, _FIELDS[level]) in (expected, None), row
        assert (found.species, found.molecular_species, found.sn_position) == (
            *row[4:2:-1],
            row[2],
        )
        if len(row) > 5 and row[5].strip():
            assert found.formula == row[5].strip()


def test_masses_of_ions(truth: Path) -> None:
    with (truth / "goslin/lipid-masses.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 189
    for row in rows:
        found = normalise(row["Precursor Name"])
        assert found.formula == row["Precursor Ion Formula"], row
        assert ion_mz(str(found.formula), row["Precursor Adduct"]) == pytest.approx(
            float(row["Precursor m/z"]), abs=1e-3
        )


def test_every_invalid_name_is_refused(truth: Path) -> None:
    names = [
        line.rstrip("\n")
        for path in sorted(truth.glob("goslin/lipidnames-invalid*.txt"))
        for line in path.read_text(encoding="utf-8").split("\n")
        if line
    ]
    assert len(names) == 19
    taken = [name for name in names if normalise(name).status == "mapped"]
    assert not taken


def _is_right(trap: str, found: LipidName) -> bool:
    """Tells whether a trap is mapped rightly, flagged or refused, as its file asks."""
    if found.status != "mapped":
        return trap in {
            "Cer 16:0", "Cer(22:0)", "SM(18:1)", "C18:1", "HDHD5",
        }  # fmt: skip
    expected = {
        "PGH2": ("PGH2", "C20H32O5"),
        "SM C18:0": ("SM 36:1;O2", "C41H83N2O6P"),
        "S1P": ("SPBP 18:1;O2", "C18H38NO5P"),
        "AA": ("FA 20:4(5Z,8Z,11Z,14Z)", "C20H32O2"),
        "oleic acid": ("FA 18:1(9Z)", "C18H34O2"),
        "9-HOTE": ("FA 18:3(10E,12Z,15Z);9OH", "C18H30O3"),
        "SulfoHex2Cer(d18:1/22:1)": ("SHex2Cer 18:1;O2/22:1", "C52H97NO16S"),
        "Cer(d37:2)": ("Cer 37:2;O2", "C37H71NO3"),
        "NAPE(18:1(9Z)/16:1(9Z)/18:0)": ("PE-N(FA 18:0) 18:1(9Z)/16:1(9Z)", "C57H108NO9P"),
        "GalCer(d18:1/16:0)": ("HexCer 18:1;O2/16:0", "C40H77NO8"),
        "PC 34:1[M+H]1+": ("PC 34:1", "C42H82NO8P"),
        "CE 18:1(d7)": ("SE 27:1/18:1", "C45H78O2"),
        "MAG 18:1": ("MG 18:1", "C21H40O4"),
        "ST 27:1;O": ("ST 27:1;O", "C27H46O"),
        "PC 16:0/18:1(9Z)": ("PC 16:0/18:1(9Z)", "C42H82NO8P"),
    }
    return expected.get(trap) == (found.normalized, found.formula)


def test_no_trap_is_mapped_wrongly(truth: Path) -> None:
    with (truth / "lipid_traps.tsv").open(encoding="utf-8", newline="") as lines:
        traps = [row["raw_name"] for row in csv.DictReader(lines, delimiter="\t")]
    assert len(traps) == 20
    assert [trap for trap in traps if not _is_right(trap, normalise(trap))] == []


@pytest.mark.parametrize(
    "name", ["goslin-short.csv", "swisslipids-names-only.tsv", "swiss-lipids-test.csv",
             "lipid-maps-test.csv", "hmdb-test.csv", "formulas-lipid-maps.csv"],
)  # fmt: skip
def test_our_reader_gives_what_pygoslin_gives(truth: Path, name: str) -> None:
    """But for the classes of one sugar or two, which have one name each here."""
    own = {text: shorthand.read(text) for text in _first_column(truth / "goslin" / name)}
    # Sulfatides of two sugars: pygoslin gives two formulas for one, and neither is right.
    mine = [text for text, found in own.items() if found and found.lipid_class != "SHex2Cer"]
    assert len(mine) > 400
    for text in mine[:: len(mine) // 120]:
        reading = own[text]
        assert reading is not None
        order = goslin.WITH_BRACKETS if "(" in text else goslin.WITHOUT_BRACKETS
        theirs = next(filter(None, (goslin.read(text, grammar) for grammar in order)))
        assert (reading.formula, reading.category) == (theirs.formula, theirs.category), text
        assert (reading.carbons, reading.double_bonds, reading.oxygens) == (
            theirs.carbons,
            theirs.double_bonds,
            theirs.oxygens,
        ), text
        for level, string in reading.strings.items():
            given = theirs.strings.get(level, string)
            for synonym in ("GalCer", "GlcCer"):
                given = given.replace(synonym, "HexCer")
            assert string == given.replace("LacCer", "Hex2Cer").replace("GB3", "Hex3Cer"), text


@pytest.mark.parametrize(
    "name", ["goslin-test.csv", "swisslipids-names-only.tsv", "swiss-lipids-test.csv",
             "lipid-maps-test.csv", "hmdb-test.csv", "hmdb-parsed-test.csv"],
)  # fmt: skip
def test_a_normalised_name_stays_itself(truth: Path, name: str) -> None:
    names = _first_column(truth / "goslin" / name)
    mapped = 0
    for text in names[7 :: len(names) // 120]:
        found = normalise(text)
        if found.status != "mapped":
            continue
        mapped += 1
        again = normalise(str(found.normalized))
        for field in (*_FIELDS.values(), "level", "identity_name", "lipid_class", "chains"):
            assert getattr(again, field) == getattr(found, field), (text, field)
        assert (again.adduct, again.isotope) == (None, None)
        for field in ("species", "molecular_species", "sn_position"):
            string = getattr(found, field)
            assert string is None or normalise(string).normalized == string, (text, field)
    assert mapped > 30
