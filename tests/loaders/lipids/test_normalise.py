"""Names as tools write them, and what must not happen to names that are right already."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.lipids import goslin, rules, shorthand
from loaders.lipids.model import LipidName
from loaders.lipids.normalise import normalise, normalise_without_parser


@pytest.mark.parametrize(
    ("name", "dialect", "normalized"),
    [
        # Biocrates
        ("PC aa C34:1", "", "PC 34:1"),
        ("PC ae C36:4", "", "PC O-36:4"),
        ("lysoPC a C18:0", "", "LPC 18:0"),
        ("SM C18:0", "", "SM 36:1;O2"),
        ("SM (OH) C22:1", "", "SM 40:2;O3"),
        ("C18:1", "biocrates", "CAR 18:1"),
        ("C2", "biocrates", "CAR 2:0"),
        ("C0", "biocrates", "Carnitine"),
        # One double bond more than the number says: with brackets and without
        ("PC(34:1p)", "", "PC O-34:2"),
        ("PC 34:1p", "", "PC O-34:2"),
        ("PE 36:4e", "", "PE O-36:4"),
        ("PlsEtn(16:0/20:4)", "", "PE P-16:0/20:4"),
        ("PlsCho 34:1", "", "PC O-34:2"),
        ("OxPC 34:1+1O", "", "PC 34:1;O"),
        # Lipidyzer
        ("CER(16:0)", "lipidyzer", "Cer 18:1;O2/16:0"),
        ("DCER(16:0)", "lipidyzer", "Cer 18:0;O2/16:0"),
        ("HCER(24:1)", "lipidyzer", "HexCer 18:1;O2/24:1"),
        ("LCER(24:1)", "lipidyzer", "Hex2Cer 18:1;O2/24:1"),
        ("SM(18:1)", "lipidyzer", "SM 18:1;O2/18:1"),
        ("TAG52:3-FA18:1", "", "TG 34:2_18:1"),
        ("FFA(18:1)", "", "FA 18:1"),
        # MS-DIAL
        ("PC 36:4|PC 16:0_20:4", "", "PC 16:0_20:4"),
        ("Cer 34:1;2O|Cer 18:1;2O/16:0", "", "Cer 18:1;O2/16:0"),
        ("Cer 18:0;2O/26:0;(2OH)", "", "Cer 18:0;O2/26:0;O"),
        ("Cer-NS d18:1/16:0", "", "Cer 18:1;O2/16:0"),
        ("FAHFA 16:0/18:0", "", "FA 34:1;O2"),
        # LipidSearch
        ("PC(16:0_18:1)+H", "", "PC 16:0_18:1"),
        ("PE(18:0p_22:6)", "", "PE P-18:0_22:6"),
        ("PC(16:0e/18:1)", "", "PC O-16:0/18:1"),
        ("Cer(d18:1_24:0)", "", "Cer 18:1;O2/24:0"),
        ("CerG1(d18:1/16:0)", "", "HexCer 18:1;O2/16:0"),
        ("AcCa(18:1)", "", "CAR 18:1"),
        ("Co(Q10)", "", "CoQ10"),
        # Metabolon
        ("1-palmitoyl-2-oleoyl-GPC (16:0/18:1)", "", "PC 16:0/18:1"),
        ("1-stearoyl-GPE (18:0)", "", "LPE 18:0/0:0"),
        ("1-(1-enyl-palmitoyl)-2-oleoyl-GPE (P-16:0/18:1)*", "", "PE P-16:0/18:1"),
        ("palmitoyl sphingomyelin (d18:1/16:0)", "", "SM 18:1;O2/16:0"),
        ("oleoylcarnitine (C18:1)", "", "CAR 18:1"),
        # LDA and LipidXplorer
        ("P-PE 34:1", "", "PE O-34:2"),
        ("O-PC 34:1", "", "PC O-34:1"),
        ("LPEO- 14:0", "", "LPE O-14:0"),
        ("diHexCer d18:1/16:0", "", "Hex2Cer 18:1;O2/16:0"),
        ("dhCer d18:0/16:0", "", "Cer 18:0;O2/16:0"),
        ("plasmenylPE 36:4", "", "PE O-36:5"),
        # spelling
        ("pc 34:1", "", "PC 34:1"),
        ("PC-34:1", "", "PC 34:1"),
        ("PC(34.1)", "", "PC 34:1"),
        ("LPC 18:0-SN1", "", "LPC 18:0/0:0"),
        ("LPC(18:1)(sn2)", "", "LPC 0:0/18:1"),
        ("PC 34:1 [U]", "", "PC 34:1"),
        ("TG 52:3+2O", "", "TG 52:3;O2"),
        ("20:4n6", "", "FA 20:4"),
        ("CE 18:1", "", "SE 27:1/18:1"),
    ],
)
def test_dialects(name: str, dialect: str, normalized: str) -> None:
    assert normalise(name, dialect).normalized == normalized


def test_isomers_of_one_sum_are_different_molecules() -> None:
    """The parser knows no place of these oxygens, and would make one molecule of them."""
    names = ("5-HEPE", "18-HEPE", "10-HDHA", "17-HDHA", "5-HETE", "12-HETE", "5-oxo-ETE")
    found = [normalise(name) for name in names]
    assert len({each.identity_name for each in found}) == len(names)
    assert {each.species for each in found} == {"FA 20:5;O", "FA 22:6;O", "FA 20:4;O"}
    for each in found:
        assert normalise(str(each.normalized)).identity_name == each.identity_name


@pytest.mark.parametrize(
    ("name", "normalized", "isotope"),
    [
        ("PC 33:1-d7", "PC 33:1", "d7"),
        ("PC(15:0/18:1(d7))", "PC 15:0/18:1", "d7"),
        ("15:0-18:1(d7) PC", "PC 15:0_18:1", "d7"),
        ("18:1(d7) Lyso PC", "LPC 18:1", "d7"),
        ("18:1(d7) Chol Ester", "SE 27:1/18:1", "d7"),
        ("d7-Cholesterol", "ST 27:1;O", "d7"),
        ("Cholesterol (d7)", "ST 27:1;O", "d7"),
        ("ChE(18:1)+D7:(s)", "SE 27:1/18:1", "d7"),
        ("SPLASH PC 33:1", "PC 33:1", None),
        ("isLPE 13:0", "LPE 13:0", None),
    ],
)
def test_standards(name: str, normalized: str, isotope: str | None) -> None:
    found = normalise(name)
    assert (found.normalized, found.isotope) == (normalized, isotope)
    assert found.is_internal_standard_candidate
    assert found.formula == normalise(normalized).formula


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("Cer 16:0", "ambiguous", "nacyl_only"),
        ("SM(32:0)", "ambiguous", "base_unclear"),
        ("C18:1", "ambiguous", "dialect_decides"),
        ("PC 34:1|PC 16:0_20:4", "ambiguous", "alternatives_differ"),
        ("OxTG(18:1_18:2_9:0(CHO))", "ambiguous", "truncated_chain"),
        ("PET 16:0-18:1", "unparsed", "no_grammar"),
        ("DG  16:0-16:1", "unparsed", "no_grammar"),
        ("HDHD5", "unparsed", "no_grammar"),
        # How many oxygens?
        ("oxPC 34:1", "unparsed", "no_grammar"),
        ("TP53", "unparsed", "no_grammar"),
        ("", "rejected", "empty"),
        ("PC " + "x" * 200, "rejected", "too_long"),
    ],
)
def test_refusals_say_why(name: str, status: str, reason: str) -> None:
    found = normalise(name)
    assert (found.status, str(found.reason).split(":")[0]) == (status, reason)
    assert found.normalized is None


def test_levels_follow_what_is_written() -> None:
    levels = {
        "PC 34:1": "SPECIES",
        "PC 16:0_18:1": "MOLECULAR_SPECIES",
        "PC 16:0/18:1": "SN_POSITION",
        "PC 16:0/18:1(9)": "STRUCTURE_DEFINED",
        "PC 16:0/18:1(9Z)": "FULL_STRUCTURE",
        "PC(16:0/18:1(9Z))": "FULL_STRUCTURE",
        "TG 16:0/16:0/16:0": "SN_POSITION",
        "PE O-16:0_18:1": "MOLECULAR_SPECIES",
        "MAG 18:1": "MOLECULAR_SPECIES",
        "ST 27:1;O": "SPECIES",
    }
    assert {name: normalise(name).level for name in levels} == levels


def test_the_order_of_chains_makes_no_other_molecule() -> None:
    one, other = normalise("PC 18:1_16:0"), normalise("PC 16:0_18:1")
    assert one.identity_name == other.identity_name == "PC 16:0_18:1"
    assert one.normalized == "PC 18:1_16:0"


def test_isomers_with_names_of_their_own_are_told_apart() -> None:
    assert normalise("12-HETE").identity_name != normalise("15-HETE").identity_name
    assert normalise("12-HETE").molecular_species == normalise("15-HETE").molecular_species
    assert normalise("CDCA").identity_name != normalise("UDCA").identity_name
    assert normalise("CDCA").species == normalise("UDCA").species == "ST 24:1;O4"


def test_display_names() -> None:
    assert normalise("SE 27:1/18:1").display_name == "CE 18:1"
    assert normalise("GM3(d18:1/16:0)").display_name == "GM3 18:1;O2/16:0"
    assert normalise("cholesterol").display_name == "Cholesterol"


def test_every_alias_is_a_lipid_with_the_right_formula() -> None:
    for name, alias in rules.aliases().items():
        assert normalise(name).status == "mapped", name
        molecule = alias.molecule
        if molecule is not None and molecule.species is not None:
            reading = shorthand.read(molecule.species)
            assert reading is not None
            assert reading.formula == molecule.formula, name


def test_names_that_need_no_pygoslin_are_the_same_without_it() -> None:
    for name in ("PC 34:1", "TG(16:0_18:1_18:2)", "SM C18:0", "Cholesterol", "Cer 16:0", "CDCA"):
        assert normalise_without_parser(name) == normalise(name)
    assert normalise_without_parser("Cer(d18:1(4E)/16:0)") is None


_CLASSES = sorted(
    {found.name for found in shorthand.classes()[0].values() if not found.name.startswith("SE")}
)


@st.composite
def _shorthand_names(draw: st.DrawFn) -> str:
    found = shorthand.classes()[0][draw(st.sampled_from(_CLASSES))]

    def chain(*, is_base: bool = False) -> str:
        carbons = draw(st.integers(6, 30))
        double_bonds = draw(st.integers(0, min(6, carbons // 3)))
        oxygens = draw(st.sampled_from(["", "", ";O", ";O2"]))
        if is_base:
            oxygens = draw(st.sampled_from([";O", ";O2", ";O3"]))
        return f"{carbons}:{double_bonds}{oxygens}"

    if found.kind == "lone_base":
        return f"{found.name} {chain(is_base=True)}"
    if found.kind == "lone_acyl":
        return f"{found.name} {chain()}"
    if found.kind == "base":
        if draw(st.booleans()):
            carbons, double_bonds = draw(st.integers(26, 60)), draw(st.integers(0, 6))
            return f"{found.name} {carbons}:{double_bonds};O{draw(st.sampled_from(['', 2, 3]))}"
        return f"{found.name} {chain(is_base=True)}/{chain()}"
    shape = draw(st.sampled_from(["sum", "_", "/"]))
    if shape == "sum" and found.chains > 1:
        carbons = draw(st.integers(6 * found.chains, 26 * found.chains))
        ether = draw(st.sampled_from(["", "", "O-"]))
        return f"{found.name} {ether}{carbons}:{draw(st.integers(0, 6))}"
    count = found.chains if shape == "_" or found.sites > found.chains else found.sites
    if found.name in ("BMP", "DG", "MG", "LCL") or found.sites > found.chains:
        shape = "_"
    return f"{found.name} {shape.replace('sum', '_').join(chain() for _ in range(count))}"


@settings(max_examples=300, deadline=None)
@given(_shorthand_names())
def test_shorthand_is_never_changed(name: str) -> None:
    found = normalise(name)
    assert (found.status, found.normalized, found.flags) == ("mapped", name, ())
    assert normalise(name, "biocrates") == LipidName(**{**_fields(found), "dialect": "biocrates"})


def _fields(found: LipidName) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__dataclass_fields__}


@settings(max_examples=60, deadline=None)
@given(_shorthand_names())
def test_our_formulas_are_those_of_pygoslin(name: str) -> None:
    theirs = goslin.read(name, "Shorthand")
    if theirs is None or name.startswith("SHex2Cer"):
        # Sulfatides of two sugars: pygoslin gives two formulas, neither of them right.
        return
    assert normalise(name).formula == theirs.formula


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_has_an_answer(name: str) -> None:
    found = normalise(name)
    assert (found.status == "mapped") == (found.normalized is not None)
    assert (found.status == "mapped") == (found.reason is None)
