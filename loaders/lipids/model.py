"""What a lipid name turns into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAPPED, AMBIGUOUS, UNPARSED, REJECTED = "mapped", "ambiguous", "unparsed", "rejected"

#: From least to most that is known. Stereo centres beyond double bonds are not told apart.
LEVELS = (
    "SPECIES",
    "MOLECULAR_SPECIES",
    "SN_POSITION",
    "STRUCTURE_DEFINED",
    "FULL_STRUCTURE",
)


def lower_level(one: str, other: str) -> str:
    """Returns the level of the two that claims less.

    >>> lower_level("SN_POSITION", "MOLECULAR_SPECIES")
    'MOLECULAR_SPECIES'
    """
    return min(one, other, key=LEVELS.index)


@dataclass(frozen=True)
class LipidName:
    """A name and what it was read as.

    All strings are shorthand after Liebisch et al. 2020 (J Lipid Res 61:1539); what is not known is
    None. Nothing but the name, the status and the reason is set unless the status is ``mapped``;
    ``ambiguous`` names their ``candidates``.

    Attributes:
        name: The name as reported.
        dialect: Naming dialect that it was read in, or ''.
        status: mapped, ambiguous, unparsed or rejected.
        reason: Why it is not mapped, as a code and a sentence, else None.
        method: alias (a table of names), dialect (a rule had to rewrite it) or parser (as written).
        normalized: The name at the highest level that it supports.
        level: That level, one of LEVELS.
        species: Class and sum of the chains, for example ``PC 34:1``.
        molecular_species: Chains without their places, ``PC 16:0_18:1``.
        sn_position: Chains in their places, ``PC 16:0/18:1``.
        structure_defined: Also positions of double bonds and groups.
        full_structure: Also their geometry.
        identity_name: What the molecule is told apart by: the molecular species with its chains in
            order, else the species; the structure for oxidised fatty acids; the name itself for
            molecules that shorthand cannot tell apart.
        display_name: How people in the field write it: ``CE 18:1`` for ``SE 27:1/18:1``.
        lipid_class: Class, for example PC.
        lipid_category: FA, GL, GP, SP, ST, SL, PK or PR.
        formula: Sum formula of the neutral unlabelled molecule.
        exact_mass: Its monoisotopic mass in Da.
        n_carbons: Carbons of all chains.
        n_double_bonds: Double bonds of all chains.
        n_oxygens: Oxygens of all chains beside those that bind them.
        chains: One mapping per chain: carbons, double_bonds, oxygens, bond (acyl, alkyl, alkenyl,
            base); empty at species level.
        adduct: Ion that the name was given for, ``[M+H]1+``.
        isotope: Label that the name carried, ``d7``.
        is_internal_standard_candidate: True for a labelled name or one marked as standard.
        flags: What a user should know: codes that docs/lipid-names.md explains.
        candidates: Shorthand of what it could be, when it is ambiguous.
    """

    name: str
    dialect: str = ""
    status: str = UNPARSED
    reason: str | None = None
    method: str | None = None
    normalized: str | None = None
    level: str | None = None
    species: str | None = None
    molecular_species: str | None = None
    sn_position: str | None = None
    structure_defined: str | None = None
    full_structure: str | None = None
    identity_name: str | None = None
    display_name: str | None = None
    lipid_class: str | None = None
    lipid_category: str | None = None
    formula: str | None = None
    exact_mass: float | None = None
    n_carbons: int | None = None
    n_double_bonds: int | None = None
    n_oxygens: int | None = None
    chains: tuple[Mapping[str, int | str], ...] = ()
    adduct: str | None = None
    isotope: str | None = None
    is_internal_standard_candidate: bool = False
    flags: tuple[str, ...] = ()
    candidates: tuple[str, ...] = field(default=())
