{#-
    The members of half of the names that a run resolves. Postgres does this query on one processor; the
    two halves run side by side: a million names took 24 s in one piece.
-#}
{% macro name_members(half) -%}
-- Whatever takes something apart row by row (lateral) is materialized before it is joined: else the
-- join is done for each row.

with reported as not materialized (
    select names.*
    from {{ ref('int_reported_names') }} as names
    where {{ in_half('names.feature_name_id', half) }}
),

patterns as not materialized (
    select * from {{ ref('identifier_patterns') }}
),

name_flags as not materialized (
    select * from {{ ref('name_flags') }}
),

mangled_names as (
    select * from {{ ref('mangled_names') }}
),

mangled_months as (
    select * from {{ ref('mangled_months') }}
),

lookup as not materialized (
    select * from {{ ref('int_feature_lookup') }}
),

lipid_names as not materialized (
    select * from {{ ref('stg_features__lipid_names') }}
),

-- Names of lipids, as they were parsed ----------------------------------------------------------

-- The answer in the dialect of the dataset goes before that in none.
parsed as materialized (
    select
        reported.feature_name_id,
        reported.feature_type,
        reported.flag,
        btrim(reported.reported_name) as name,
        lipid_names.status,
        'lipid_' || coalesce(lipid_names.method, lipid_names.status) as method,
        coalesce(
            lipid_names.identity_name, lipid_names.molecular_species, lipid_names.species
        )
        || coalesce(' ' || lipid_names.isotope, '') as lipid,
        lipid_names.candidates,
        lipid_names.reason,
        'lipid rules ' || lipid_names.rules_version || ', pygoslin ' || lipid_names.parser_version
            as releases,
        jsonb_strip_nulls(jsonb_build_object(
            'normalized', lipid_names.normalized,
            'level', lipid_names.level,
            'sn_position', lipid_names.sn_position,
            'structure', coalesce(lipid_names.full_structure, lipid_names.structure_defined),
            'display_name', lipid_names.display_name,
            'chains', lipid_names.chains,
            'adduct', lipid_names.adduct,
            'isotope', lipid_names.isotope,
            'flags', nullif(lipid_names.flags, cast('[]' as jsonb)),
            'reason', lipid_names.reason
        )) as details,
        jsonb_strip_nulls(jsonb_build_object(
            'class', lipid_names.lipid_class,
            'category', lipid_names.lipid_category,
            'species', lipid_names.species,
            'molecular_species', lipid_names.molecular_species,
            'formula', lipid_names.formula,
            'exact_mass', lipid_names.exact_mass
        )) as lipid_attributes
    from reported
    left join lipid_names as in_dialect
        on
            reported.reported_name = in_dialect.reported_name
            and reported.dialect = in_dialect.dialect
            and reported.dialect <> ''
    inner join lipid_names
        on
            reported.reported_name = lipid_names.reported_name
            and coalesce(in_dialect.dialect, '') = lipid_names.dialect
    where
        reported.is_lipid
        and lipid_names.status in ('mapped', 'ambiguous', 'rejected')
),

lipid_members as (
    select
        parsed.feature_name_id,
        cast(1 as bigint) as member_rank,
        parsed.name as token,
        case
            when parsed.status = 'mapped' then {{ feature_id_of("'lipid:' || parsed.lipid") }}
            else
                {{ feature_id_of_name('parsed.feature_type', 'cast(null as text)', 'parsed.name') }}
        end as feature_id,
        case when parsed.status = 'mapped' then 'lipid' else parsed.feature_type end
            as feature_type,
        case when parsed.status = 'mapped' then 'lipid:' || parsed.lipid end as canonical_id,
        case when parsed.status = 'mapped' then parsed.lipid else parsed.name end as feature_name,
        cast(null as text) as taxon,
        cast(null as text) as isoform_of,
        parsed.flag,
        parsed.status,
        parsed.method,
        parsed.candidates,
        case when parsed.status = 'mapped' then parsed.reason end as warning,
        parsed.releases,
        parsed.details,
        case when parsed.status = 'mapped' then parsed.lipid_attributes end as lipid_attributes
    from parsed
),

-- Members of groups -----------------------------------------------------------------------------

separated as (
    select
        reported.feature_name_id,
        reported.feature_type,
        reported.taxon,
        reported.flag,
        reported.is_lipid,
        {{ molecule_of('reported.feature_type') }} as molecule,
        btrim(reported.reported_name) as name,
        reported.identifier is not null as by_identifier,
        coalesce(reported.identifier, btrim(reported.reported_name)) as evidence,
        case
            when reported.identifier is not null then reported.identifier_type
            else reported.reading_type
        end as wanted_type
    from reported
    left join parsed
        on reported.feature_name_id = parsed.feature_name_id
    where parsed.feature_name_id is null
),

-- Apart from the members: as part of their query it is evaluated for each of them, and a protein
-- group of 3,000 took 24 s.
parted as materialized (
    select
        separated.*,
        case
            when split.separator is null or separated.evidence !~ '[;,/| ]'
                then array[separated.evidence]
            else array_remove(regexp_split_to_array(separated.evidence, split.separator), '')
        end as tokens
    from separated
    left join patterns
        on
            separated.wanted_type = patterns.name_type
            and separated.molecule = patterns.molecule
    cross join
        lateral (
            values (
                case
                    when separated.by_identifier then patterns.separator
                    when separated.molecule = 'small_molecule' then null
                    when patterns.prefix = 'uniprot' then patterns.separator
                    when separated.evidence ~ '^(?:sp|tr)\|' then '\s*;\s*'
                    else '\s*(?:;|///)\s*'
                end
            )
        ) as split (separator)
),

-- Without the name of the group, which may be 80,000 letters long: it would be copied to each member.
members as (
    select
        parted.feature_name_id,
        parted.feature_type,
        parted.taxon,
        parted.flag,
        parted.is_lipid,
        parted.molecule,
        parted.by_identifier,
        parted.wanted_type,
        case when cardinality(parted.tokens) = 1 then parted.name end as only_name,
        btrim(member.token) as token,
        member.member_rank
    from parted
    cross join lateral unnest(parted.tokens) with ordinality as member (token, member_rank)
),

flagged as materialized (
    select
        members.*,
        case
            when members.token !~ {{ flag_pattern('name_flags') }} then null
            when members.token ~ {{ flag_pattern('name_flags', 'contaminant') }} then 'contaminant'
            else 'decoy'
        end as token_flag
    from members
),

-- A pattern is tried on names that begin as it does: trying all of them costs more than everything
-- else together. One that has no fixed beginning is tried on all.
beginnings as materialized (
    select
        patterns.molecule,
        patterns.name_type,
        patterns.prefix,
        patterns.pattern,
        patterns.priority,
        beginning.letters
    from patterns
    cross join
        lateral unnest(
            string_to_array(coalesce(nullif(patterns.beginnings, ''), '-'), '|')
        ) as beginning (letters)
    where patterns.prefix is not null and patterns.is_self_telling
),

shaped as (
    select
        flagged.feature_name_id,
        flagged.member_rank,
        patterns.prefix,
        substring(flagged.token from patterns.pattern) as local_id,
        0 as priority
    from flagged
    inner join patterns
        on
            flagged.molecule = patterns.molecule
            and flagged.wanted_type = patterns.name_type
    where patterns.prefix is not null and flagged.token ~ patterns.pattern
    union all
    select
        flagged.feature_name_id,
        flagged.member_rank,
        beginnings.prefix,
        substring(flagged.token from beginnings.pattern) as local_id,
        beginnings.priority
    from flagged
    inner join beginnings
        on
            flagged.molecule = beginnings.molecule
            and left(flagged.token, 2) = beginnings.letters
    where flagged.token ~ beginnings.pattern
    union all
    select
        flagged.feature_name_id,
        flagged.member_rank,
        beginnings.prefix,
        substring(flagged.token from beginnings.pattern) as local_id,
        beginnings.priority
    from flagged
    inner join beginnings
        on
            flagged.molecule = beginnings.molecule
            and beginnings.letters = '-'
    where flagged.token ~ beginnings.pattern
),

identified as materialized (
    select distinct on (shaped.feature_name_id, shaped.member_rank) shaped.*
    from shaped
    order by shaped.feature_name_id asc, shaped.member_rank asc, shaped.priority asc
),

typed as materialized (
    select
        flagged.feature_name_id,
        flagged.feature_type,
        flagged.molecule,
        flagged.taxon,
        flagged.is_lipid,
        flagged.by_identifier,
        flagged.wanted_type,
        flagged.token,
        flagged.member_rank,
        flagged.token_flag,
        coalesce(flagged.token_flag, flagged.flag) as flag,
        identified.prefix,
        case
            when identified.prefix = 'hmdb' and length(identified.local_id) = 9
                then 'HMDB00' || substr(identified.local_id, 5)
            else identified.local_id
        end as local_id,
        -- A name beside an identifier that nobody knows may still be known, unless it is that of a
        -- group.
        case
            when not flagged.by_identifier then flagged.token
            when flagged.wanted_type = 'gene_symbol_column' then flagged.token
            else flagged.only_name
        end as name_key
    from flagged
    left join identified
        on
            flagged.feature_name_id = identified.feature_name_id
            and flagged.member_rank = identified.member_rank
),

-- Looking up: identifiers before names, names as written before other spellings -----------------

probes as materialized (
    select
        typed.feature_name_id,
        typed.member_rank,
        typed.molecule,
        typed.taxon,
        probe.key_kind,
        probe.lookup_key,
        probe.base
    from typed
    cross join
        lateral (
            values
            ('id', typed.prefix || ':' || typed.local_id, 0),
            (
                'id',
                case
                    when typed.prefix = 'uniprot' and typed.local_id ~ '-\d+$'
                        then 'uniprot:' || split_part(typed.local_id, '-', 1)
                end,
                20
            ),
            (
                'skeleton',
                case
                    when typed.prefix = 'inchikey' then 'inchikey:' || left(typed.local_id, 14)
                end,
                40
            ),
            ('name', typed.name_key, 100)
        ) as probe (key_kind, lookup_key, base)
    where typed.flag is null and probe.lookup_key is not null
),

exact_hits as materialized (
    select
        probes.feature_name_id,
        probes.member_rank,
        probes.base + lookup.rank as rank,
        probes.base,
        probes.key_kind,
        lookup.kind,
        lookup.canonical_ids,
        lookup.releases,
        lookup.warning
    from probes
    inner join lookup
        on
            probes.molecule = lookup.molecule
            and probes.key_kind = lookup.key_kind
            and probes.lookup_key = lookup.lookup_key
    where
        probes.key_kind <> 'name'
        or probes.taxon is null
        or lookup.taxon is null
        or probes.taxon = lookup.taxon
),

-- Without punctuation first, then without case. Case alone tells a mouse from a man: it is only
-- left out when the species is known.
respelled as materialized (
    select
        typed.feature_name_id,
        typed.member_rank,
        typed.molecule,
        typed.taxon,
        spelling.key_kind,
        spelling.lookup_key,
        spelling.base
    from typed
    cross join
        lateral (
            values ({{ without_punctuation('typed.name_key', 'typed.molecule') }})
        ) as plain (name)
    cross join
        lateral (
            values
            ('punctuation', plain.name, 200),
            (
                'folded',
                case
                    when typed.taxon is null and typed.molecule <> 'small_molecule' then null
                    when typed.name_key ~ '[Α-Ωα-ωµ]'
                        then {{ folded('typed.name_key', 'typed.molecule') }}
                    else lower(plain.name)
                end,
                300
            )
        ) as spelling (key_kind, lookup_key, base)
    where
        typed.flag is null
        and typed.name_key is not null
        and not typed.is_lipid
        and length(spelling.lookup_key) > 1
        -- As a set, which is always hashed: as a join it was done pair by pair, because nobody can
        -- tell how many names are found.
        and (typed.feature_name_id, typed.member_rank) not in (
            select
                exact_hits.feature_name_id,
                exact_hits.member_rank
            from exact_hits
        )
),

spelling_hits as (
    select
        respelled.feature_name_id,
        respelled.member_rank,
        respelled.base + lookup.rank as rank,
        respelled.base,
        respelled.key_kind,
        lookup.kind,
        lookup.canonical_ids,
        lookup.releases,
        cast(null as text) as warning
    from respelled
    inner join lookup
        on
            respelled.molecule = lookup.molecule
            and respelled.key_kind = lookup.key_kind
            and respelled.lookup_key = lookup.lookup_key
    where
        respelled.taxon is null
        or lookup.taxon is null
        or respelled.taxon = lookup.taxon
),

hits as materialized (
    select * from exact_hits
    union all
    select * from spelling_hits
),

best_ranks as (
    select
        hits.feature_name_id,
        hits.member_rank,
        min(hits.rank) as rank
    from hits
    group by hits.feature_name_id, hits.member_rank
),

-- Mostly one entry of the lookup; several where no species is known.
best_hits as materialized (
    select
        hits.feature_name_id,
        hits.member_rank,
        min(hits.base) as base,
        min(hits.key_kind) as key_kind,
        min(hits.kind) as kind,
        min(hits.canonical_ids) as canonical_ids,
        min(hits.releases) as releases,
        min(hits.warning) as warning,
        count(*) as n_hits
    from hits
    inner join best_ranks
        on
            hits.feature_name_id = best_ranks.feature_name_id
            and hits.member_rank = best_ranks.member_rank
            and hits.rank = best_ranks.rank
    group by hits.feature_name_id, hits.member_rank
),

of_several as (
    select
        hits.feature_name_id,
        hits.member_rank,
        array_agg(distinct candidate.canonical_id order by candidate.canonical_id) as canonical_ids,
        string_agg(distinct hits.releases, ', ' order by hits.releases) as releases
    from best_hits
    inner join best_ranks
        on
            best_hits.feature_name_id = best_ranks.feature_name_id
            and best_hits.member_rank = best_ranks.member_rank
    inner join hits
        on
            best_ranks.feature_name_id = hits.feature_name_id
            and best_ranks.member_rank = hits.member_rank
            and best_ranks.rank = hits.rank
    cross join lateral unnest(hits.canonical_ids) as candidate (canonical_id)
    where best_hits.n_hits > 1
    group by hits.feature_name_id, hits.member_rank
),

best as (
    select
        best_hits.feature_name_id,
        best_hits.member_rank,
        best_hits.base,
        best_hits.key_kind,
        best_hits.kind,
        coalesce(of_several.canonical_ids, best_hits.canonical_ids) as canonical_ids,
        coalesce(of_several.releases, best_hits.releases) as releases,
        best_hits.warning
    from best_hits
    left join of_several
        on
            best_hits.feature_name_id = of_several.feature_name_id
            and best_hits.member_rank = of_several.member_rank
),

-- Symbols that a spreadsheet turned into dates and numbers: what they may have been is listed, and
-- none of it is taken.
mangled_tokens as materialized (
    select
        typed.feature_name_id,
        typed.member_rank,
        typed.taxon,
        typed.molecule,
        typed.token
    from typed
    where
        typed.molecule <> 'small_molecule'
        and not typed.by_identifier
        and typed.flag is null
        and coalesce(typed.wanted_type, '') <> 'ncbigene'
        -- Every form begins with a digit or a month.
        and typed.token ~ '^([0-9]|[A-Za-z]{3}-)'
),

mangled as (
    select
        mangled_tokens.feature_name_id,
        mangled_tokens.member_rank,
        mangled_tokens.taxon,
        mangled_tokens.molecule,
        mangled_names.form,
        (regexp_match(mangled_tokens.token, mangled_names.pattern, 'i')) as parts,
        mangled_names.number_group,
        mangled_names.month_group,
        case
            when mangled_names.form = 'day_number'
                then cast('1899-12-30' as date) + cast(mangled_tokens.token as integer)
        end as counted_date
    from mangled_tokens
    inner join mangled_names
        on mangled_tokens.token ~* mangled_names.pattern
),

dated as (
    select
        mangled.feature_name_id,
        mangled.member_rank,
        mangled.taxon,
        mangled.molecule,
        mangled.form,
        case
            when
                mangled.counted_date is not null
                then cast(extract(day from mangled.counted_date) as text)
            else ltrim(mangled.parts[mangled.number_group], '0')
        end as number,
        case
            when mangled.counted_date is not null
                then cast(extract(month from mangled.counted_date) as text)
            else ltrim(lower(mangled.parts[mangled.month_group]), '0')
        end as month
    from mangled
),

mangled_candidates as (
    select
        dated.feature_name_id,
        dated.member_rank,
        min(dated.form) as form,
        array_agg(distinct candidate.canonical_id order by candidate.canonical_id) filter (
            where candidate.canonical_id is not null
        ) as canonical_ids
    from dated
    left join mangled_months
        on dated.month in (mangled_months.month, cast(mangled_months.number as text))
    left join lookup
        on
            dated.molecule = lookup.molecule
            and lookup.key_kind = 'name'
            and lookup.lookup_key = mangled_months.symbol_prefix || dated.number
            and (
                dated.taxon is null
                or lookup.taxon is null
                or dated.taxon = lookup.taxon
            )
    left join lateral unnest(lookup.canonical_ids) as candidate (canonical_id) on true
    group by dated.feature_name_id, dated.member_rank
),

-- The answer ------------------------------------------------------------------------------------

answered as (
    select
        typed.*,
        best.base,
        best.canonical_ids,
        best.releases,
        best.warning,
        case
            when typed.prefix is not null then typed.prefix || ':' || typed.local_id
        end as own_curie,
        mangled_candidates.canonical_ids as mangled_ids,
        case
            when typed.flag is not null then 'unmapped'
            when mangled_candidates.form is not null and best.canonical_ids is null then 'rejected'
            when best.canonical_ids is null then 'unmapped'
            when cardinality(best.canonical_ids) = 1 then 'mapped'
            else 'ambiguous'
        end as status,
        case
            when typed.flag is not null then typed.flag
            when mangled_candidates.form is not null and best.canonical_ids is null
                then 'mangled_' || mangled_candidates.form
            when best.canonical_ids is null and typed.prefix is not null then 'unknown_identifier'
            when best.canonical_ids is null then 'unknown_name'
            when best.base < 100
                then concat(
                    case when typed.by_identifier then 'column_' end,
                    case
                        when best.base = 20 then 'isoform'
                        when best.base = 40 then 'inchikey_skeleton'
                        when best.kind = 'id' then 'identifier'
                        when best.kind = 'secondary_id' then 'secondary_identifier'
                        else best.kind
                    end
                )
            else concat(
                case when typed.wanted_type = 'gene_symbol_column' then 'column_' end,
                best.kind,
                case best.key_kind
                    when 'punctuation' then '_without_punctuation'
                    when 'folded' then '_folded'
                end
            )
        end as method
    from typed
    left join best
        on
            typed.feature_name_id = best.feature_name_id
            and typed.member_rank = best.member_rank
    left join mangled_candidates
        on
            typed.feature_name_id = mangled_candidates.feature_name_id
            and typed.member_rank = mangled_candidates.member_rank
),

canonical as (
    select
        answered.*,
        case
            when answered.flag is not null or answered.status = 'rejected' then null
            when answered.status = 'mapped' and answered.base = 20
                then
                    answered.canonical_ids[1] || '-' || split_part(answered.local_id, '-', 2)
            when answered.status = 'mapped' then answered.canonical_ids[1]
            else answered.own_curie
        end as canonical_id,
        -- What only has a name is called by it; a row that the file marks is never the molecule
        -- that the same name means elsewhere.
        case
            when answered.flag is null then answered.token
            when answered.token_flag is not null then answered.token
            else answered.token || ' (' || answered.flag || ')'
        end as own_name
    from answered
)

select
    canonical.feature_name_id,
    canonical.member_rank,
    canonical.token,
    case
        when canonical.canonical_id is not null
            then {{ feature_id_of('canonical.canonical_id') }}
        else {{ feature_id_of_name(
            'canonical.feature_type', 'canonical.taxon', 'canonical.own_name'
        ) }}
    end as feature_id,
    canonical.feature_type,
    canonical.canonical_id,
    case
        when canonical.canonical_id is not null
            then substr(canonical.canonical_id, strpos(canonical.canonical_id, ':') + 1)
        else canonical.own_name
    end as feature_name,
    case when canonical.canonical_id is null then canonical.taxon end as taxon,
    case
        when canonical.status = 'mapped' and canonical.base = 20 then canonical.canonical_ids[1]
    end as isoform_of,
    canonical.flag,
    canonical.status,
    canonical.method,
    case
        when canonical.status = 'ambiguous' then to_jsonb(canonical.canonical_ids)
        when canonical.status = 'rejected'
            then coalesce(to_jsonb(canonical.mangled_ids), cast('[]' as jsonb))
    end as candidates,
    case when canonical.status = 'mapped' then canonical.warning end as warning,
    canonical.releases,
    cast(null as jsonb) as details,
    cast(null as jsonb) as lipid_attributes
from canonical
union all
select lipid_members.*
from lipid_members
{%- endmacro %}


{#- Condition that is true for one half of the ids: 0 or 1. -#}
{% macro in_half(id, half) -%}
    (uuid_hash({{ id }}) & 1) = {{ half }}
{%- endmacro %}
