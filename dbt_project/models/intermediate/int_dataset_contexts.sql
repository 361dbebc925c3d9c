{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    indexes=[{'columns': ['dataset_id'], 'unique': true}],
    pre_hook=[
        '{{ forget_stale_contexts() }}',
        'set local enable_nestloop = off',
        'set local enable_sort = off',
        "set local work_mem = '192MB'",
    ],
    post_hook='analyze {{ this }}',
) }}

-- No nested loops: Postgres cannot know how many names the CTEs hold and takes hundreds where there
-- are hundreds of thousands. Over the public files and six references one such loop ran for over 8
-- minutes. The names are read six times: a million of them stay in memory.

-- What the names of a dataset are read as, decided by all of its names together and never by one.

with versions as (
    select *
    from {{ ref('int_dataset_versions') }}
    where is_current
),

identity_state as (
    select * from {{ ref('int_identity_state') }}
),

lipid_conventions as (
    select * from {{ ref('stg_features__lipid_conventions') }}
),

organisms as (
    select * from {{ ref('int_dataset_organisms') }}
),

taxa as not materialized (
    select * from {{ ref('taxa') }}
),

patterns as not materialized (
    select * from {{ ref('identifier_patterns') }}
),

name_flags as not materialized (
    select * from {{ ref('name_flags') }}
),

lookup as not materialized (
    select * from {{ ref('int_feature_lookup') }}
),

feature_rows as not materialized (
    select * from {{ ref('int_feature_rows_unioned') }}
),

-- Which molecules of which species the references know at all.
coverage as materialized (
    select distinct
        reference_features.molecule,
        reference_features.taxon
    from {{ ref('int_reference_features') }} as reference_features
),

result_rows as not materialized (
    select * from {{ ref('int_result_rows_unioned') }}
),

wanted as (
    select
        versions.dataset_id,
        versions.file_id,
        versions.load_id,
        versions.feature_type,
        {{ molecule_of('versions.feature_type') }} as molecule,
        organisms.taxon as declared_taxon,
        lipid_conventions.file_id is not null as has_conventions,
        versions.feature_type = 'lipid' or lipid_conventions.file_id is not null as is_lipid,
        coalesce(lipid_conventions.dialect, '') as dialect,
        md5(concat_ws(
            '|',
            versions.file_id,
            versions.load_id,
            coalesce(organisms.taxon, ''),
            coalesce(lipid_conventions.dialect, '-'),
            identity_state.fingerprint
        )) as made_from
    from versions
    cross join identity_state
    left join organisms
        on versions.dataset_id = organisms.dataset_id
    left join lipid_conventions
        on
            versions.file_id = lipid_conventions.file_id
            and versions.load_id = lipid_conventions.load_id
            and versions.source_name = lipid_conventions.source_name
),

to_build as materialized (
    select wanted.*
    from wanted
    {% if is_incremental() %}
        where not exists (
            select 1
            from {{ this }} as known
            where
                known.dataset_id = wanted.dataset_id
                and known.made_from = wanted.made_from
        )
    {% endif %}
),

-- Names of lipids are typed when they are parsed; here only the others are read.
to_read as materialized (
    select *
    from to_build
    where not is_lipid
),

named as materialized (
    select
        to_read.dataset_id,
        to_read.molecule,
        btrim(feature_rows.reported_name) as name
    from to_read
    inner join feature_rows
        on
            to_read.file_id = feature_rows.file_id
            and to_read.load_id = feature_rows.load_id
    where
        {{ of_changed_files('feature_rows.file_id', 'to_read') }}
        and not feature_rows.is_contaminant
        and not feature_rows.is_decoy
    union
    select
        to_read.dataset_id,
        to_read.molecule,
        btrim(result_rows.reported_name) as name
    from to_read
    inner join result_rows
        on
            to_read.file_id = result_rows.file_id
            and to_read.load_id = result_rows.load_id
    where
        {{ of_changed_files('result_rows.file_id', 'to_read') }}
        and not result_rows.is_contaminant
        and not result_rows.is_decoy
),

-- Every name is typed once, however many datasets have it, by the first member of a group.
distinct_names as materialized (
    select distinct
        named.molecule,
        named.name,
        regexp_replace(
            btrim(split_part(named.name, ';', 1)), {{ flag_pattern('name_flags') }}, ''
        ) as first_member
    from named
    where named.name <> ''
),

-- A pattern is tried on names that begin as it does, and on all if it has no fixed beginning.
beginnings as materialized (
    select
        patterns.molecule,
        patterns.name_type,
        patterns.pattern,
        patterns.separator,
        beginning.letters
    from patterns
    cross join
        lateral unnest(
            string_to_array(coalesce(nullif(patterns.beginnings, ''), '-'), '|')
        ) as beginning (letters)
    where patterns.name_type <> 'gene_symbol_column'
),

typed as materialized (
    select
        distinct_names.molecule,
        distinct_names.name,
        distinct_names.first_member,
        beginnings.name_type
    from distinct_names
    inner join beginnings
        on
            distinct_names.molecule = beginnings.molecule
            and left(distinct_names.first_member, 2) = beginnings.letters
    where
        case
            when distinct_names.first_member ~ '[,/| ]' and beginnings.separator is not null
                then regexp_replace(distinct_names.first_member, beginnings.separator || '.*$', '')
            else distinct_names.first_member
        end ~ beginnings.pattern
    union all
    select
        distinct_names.molecule,
        distinct_names.name,
        distinct_names.first_member,
        beginnings.name_type
    from distinct_names
    inner join beginnings
        on
            distinct_names.molecule = beginnings.molecule
            and beginnings.letters = '-'
    where
        case
            when distinct_names.first_member ~ '[,/| ]' and beginnings.separator is not null
                then regexp_replace(distinct_names.first_member, beginnings.separator || '.*$', '')
            else distinct_names.first_member
        end ~ beginnings.pattern
),

type_votes as (
    select
        named.dataset_id,
        typed.name_type,
        count(*) as n_names
    from named
    inner join typed
        on
            named.molecule = typed.molecule
            and named.name = typed.name
    group by named.dataset_id, typed.name_type
),

name_counts as (
    select
        named.dataset_id,
        count(*) as n_names
    from named
    where named.name <> ''
    group by named.dataset_id
),

name_types as (
    select distinct on (type_votes.dataset_id)
        type_votes.dataset_id,
        patterns.name_type,
        patterns.prefix,
        patterns.is_self_telling,
        type_votes.n_names / cast(name_counts.n_names as double precision) as share
    from type_votes
    inner join name_counts
        on type_votes.dataset_id = name_counts.dataset_id
    inner join patterns
        on type_votes.name_type = patterns.name_type
    where type_votes.n_names >= 0.8 * name_counts.n_names
    order by type_votes.dataset_id asc, type_votes.n_names desc, patterns.priority asc
),

-- Other columns of the first rows, where their header speaks of identifiers ---------------------

annotated as materialized (
    select
        to_read.dataset_id,
        to_read.molecule,
        feature_rows.annotations
    from to_read
    inner join feature_rows
        on
            to_read.file_id = feature_rows.file_id
            and to_read.load_id = feature_rows.load_id
    where
        {{ of_changed_files('feature_rows.file_id', 'to_read') }}
        and feature_rows.row_number <= 1000
        and feature_rows.annotations is not null
    union all
    select
        to_read.dataset_id,
        to_read.molecule,
        result_rows.annotations
    from to_read
    inner join result_rows
        on
            to_read.file_id = result_rows.file_id
            and to_read.load_id = result_rows.load_id
    where
        {{ of_changed_files('result_rows.file_id', 'to_read') }}
        and result_rows.row_number <= 1000
        and result_rows.contrast_position = 1
        and result_rows.annotations is not null
),

annotation_values as materialized (
    select
        annotated.dataset_id,
        annotated.molecule,
        annotation.key as header,
        btrim(annotation.value) as value,
        count(*) as n_rows
    from annotated
    cross join lateral jsonb_each_text(annotated.annotations) as annotation (key, value)
    where
        annotation.key ~* concat(
            '(ensembl|gene|symbol|uniprot|swiss|accession|protein|entry|entrez|ncbi|hmdb|kegg|',
            'chebi|inchi|pubchem|cid|cas\M|refmet|lipid.?maps|organism|species|taxon|identifier|',
            'fasta|id\M)'
        )
        and btrim(annotation.value) <> ''
        and length(annotation.value) < 2000
    group by
        annotated.dataset_id, annotated.molecule, annotation.key, btrim(annotation.value)
),

row_counts as (
    select
        annotated.dataset_id,
        count(*) as n_rows
    from annotated
    group by annotated.dataset_id
),

header_votes as (
    select
        annotation_values.dataset_id,
        annotation_values.header,
        patterns.name_type,
        patterns.prefix,
        patterns.priority,
        count(*) filter (
            where case
                when patterns.separator is null then annotation_values.value
                else regexp_replace(annotation_values.value, patterns.separator || '.*$', '')
            end ~ patterns.pattern
        ) as n_matching,
        count(*) as n_values,
        sum(annotation_values.n_rows) as n_rows
    from annotation_values
    inner join patterns
        on
            annotation_values.molecule = patterns.molecule
            and (
                patterns.header_pattern is null
                or annotation_values.header ~* patterns.header_pattern
            )
            and (patterns.prefix is not null or patterns.name_type = 'gene_symbol_column')
    group by
        annotation_values.dataset_id, annotation_values.header, patterns.name_type,
        patterns.prefix, patterns.priority
),

-- A column of identifiers that fills half of the rows goes before one that fills fewer. Symbols
-- beside the names help only where the names are those of probes.
identifier_columns as (
    select distinct on (header_votes.dataset_id)
        header_votes.dataset_id,
        header_votes.header,
        header_votes.name_type,
        header_votes.prefix
    from header_votes
    inner join row_counts
        on header_votes.dataset_id = row_counts.dataset_id
    left join name_types
        on header_votes.dataset_id = name_types.dataset_id
    where
        header_votes.n_matching >= 0.8 * header_votes.n_values
        and name_types.prefix is null
        and (
            header_votes.name_type <> 'gene_symbol_column'
            or name_types.name_type = 'probe'
        )
    order by
        header_votes.dataset_id asc,
        header_votes.n_rows >= 0.5 * row_counts.n_rows desc,
        header_votes.priority asc,
        header_votes.n_rows desc,
        header_votes.header asc
),

-- Species ---------------------------------------------------------------------------------------

organism_names as materialized (
    select
        taxa.taxon,
        spelling.name
    from taxa
    cross join lateral unnest(
        string_to_array(lower(taxa.name) || '|' || taxa.other_names, '|')
    ) as spelling (name)
),

-- Stable ids of Ensembl and entry names of UniProt carry their species. It is cut out once for each
-- name and then joined: nothing is tried per species.
name_marks as materialized (
    select
        typed.molecule,
        typed.name,
        coalesce(
            substring(typed.first_member from '^(ENS[A-Z]*)[GTP]\d{6}'),
            substring(typed.first_member from '^(FB|WBGene)')
        ) as ensembl_prefix,
        substring(typed.first_member from '_([A-Z0-9]{2,5})(?:\s.*)?$') as uniprot_mnemonic
    from typed
    where
        typed.name_type in (
            'ensembl_gene', 'ensembl_transcript', 'ensembl_transcript_of_gene',
            'ensembl_protein', 'fasta', 'uniprot_entry'
        )
),

taxa_of_marks as (
    select
        name_marks.molecule,
        name_marks.name,
        taxa.taxon
    from name_marks
    inner join taxa
        on name_marks.ensembl_prefix = taxa.ensembl_prefix
    union
    select
        name_marks.molecule,
        name_marks.name,
        taxa.taxon
    from name_marks
    inner join taxa
        on name_marks.uniprot_mnemonic = taxa.uniprot_mnemonic
),

value_marks as materialized (
    select
        annotation_values.dataset_id,
        annotation_values.value,
        substring(annotation_values.value from '^(ENS[A-Z]*)[GTP]\d{6}') as ensembl_prefix,
        coalesce(
            substring(annotation_values.value from '^[A-Z0-9]{1,16}_([A-Z0-9]{2,5})(?:;.*)?$'),
            substring(
                annotation_values.value from '^(?:sp|tr)\|[^|]+\|[A-Z0-9]{1,16}_([A-Z0-9]{2,5})\M'
            )
        ) as uniprot_mnemonic
    from annotation_values
    where annotation_values.molecule in ('gene', 'transcript', 'protein')
),

-- The same, and columns that name the organism.
taxon_signs as (
    select
        named.dataset_id,
        named.name as sign,
        taxa_of_marks.taxon
    from named
    inner join taxa_of_marks
        on
            named.molecule = taxa_of_marks.molecule
            and named.name = taxa_of_marks.name
    union all
    select
        value_marks.dataset_id,
        value_marks.value as sign,
        taxa.taxon
    from value_marks
    inner join taxa
        on value_marks.ensembl_prefix = taxa.ensembl_prefix
    union all
    select
        value_marks.dataset_id,
        value_marks.value as sign,
        taxa.taxon
    from value_marks
    inner join taxa
        on value_marks.uniprot_mnemonic = taxa.uniprot_mnemonic
    union all
    select
        annotation_values.dataset_id,
        annotation_values.value as sign,
        organism_names.taxon
    from annotation_values
    inner join organism_names
        on lower(annotation_values.value) = organism_names.name
    where
        annotation_values.molecule in ('gene', 'transcript', 'protein')
        and annotation_values.header ~* '(organism|species|taxon)'
    union all
    select
        named.dataset_id,
        named.name as sign,
        lookup.taxon
    from named
    inner join typed
        on
            named.molecule = typed.molecule
            and named.name = typed.name
            and typed.name_type = 'uniprot'
    inner join name_types
        on
            named.dataset_id = name_types.dataset_id
            and name_types.name_type = 'uniprot'
    inner join lookup
        on
            lookup.key_kind = 'id'
            and lookup.molecule = 'protein'
            and lookup.rank = 1
            and lookup.lookup_key = 'uniprot:' || substring(typed.first_member from '^[A-Z0-9]+')
    where lookup.taxon is not null
),

-- A few foreign identifiers among many names tell nothing.
taxon_counts as (
    select
        taxon_signs.dataset_id,
        taxon_signs.taxon,
        count(*) as n_signs,
        sum(count(*)) over (partition by taxon_signs.dataset_id) as n_all
    from taxon_signs
    group by taxon_signs.dataset_id, taxon_signs.taxon
),

taxa_by_ids as (
    select
        taxon_counts.dataset_id,
        taxon_counts.taxon
    from taxon_counts
    inner join name_counts
        on taxon_counts.dataset_id = name_counts.dataset_id
    where
        taxon_counts.n_signs >= 0.8 * taxon_counts.n_all
        and taxon_counts.n_all >= least(20, 0.1 * name_counts.n_names)
),

with_ids as (
    select distinct taxon_counts.dataset_id
    from taxon_counts
    inner join name_counts
        on taxon_counts.dataset_id = name_counts.dataset_id
    where taxon_counts.n_all >= least(20, 0.1 * name_counts.n_names)
),

-- Where neither a sheet nor an identifier tells: whose symbols are these, in exactly this case?
undeclared as (
    select
        named.dataset_id,
        named.molecule,
        named.name
    from to_read
    inner join named
        on to_read.dataset_id = named.dataset_id
    left join with_ids
        on to_read.dataset_id = with_ids.dataset_id
    where
        to_read.declared_taxon is null
        and with_ids.dataset_id is null
        and to_read.molecule <> 'small_molecule'
),

undeclared_names as (
    select distinct
        undeclared.molecule,
        undeclared.name
    from undeclared
),

spelled as materialized (
    select
        undeclared_names.molecule,
        undeclared_names.name,
        spelling.key_kind,
        spelling.lookup_key
    from undeclared_names
    cross join lateral (
        values
        ('name', undeclared_names.name),
        (
            'punctuation',
            {{ without_punctuation('undeclared_names.name', 'undeclared_names.molecule') }}
        )
    ) as spelling (key_kind, lookup_key)
),

taxa_of_names as materialized (
    select distinct
        spelled.molecule,
        spelled.name,
        lookup.taxon
    from spelled
    inner join lookup
        on
            spelled.molecule = lookup.molecule
            and spelled.key_kind = lookup.key_kind
            and spelled.lookup_key = lookup.lookup_key
    where lookup.taxon is not null
),

symbol_votes as (
    select
        undeclared.dataset_id,
        taxa_of_names.taxon,
        count(*) as n_names
    from undeclared
    inner join taxa_of_names
        on
            undeclared.molecule = taxa_of_names.molecule
            and undeclared.name = taxa_of_names.name
    group by undeclared.dataset_id, taxa_of_names.taxon
),

ranked_votes as (
    select
        symbol_votes.dataset_id,
        symbol_votes.taxon,
        symbol_votes.n_names,
        row_number() over (
            partition by symbol_votes.dataset_id
            order by symbol_votes.n_names desc, symbol_votes.taxon asc
        ) as place,
        lead(symbol_votes.n_names) over (
            partition by symbol_votes.dataset_id
            order by symbol_votes.n_names desc, symbol_votes.taxon asc
        ) as runner_up
    from symbol_votes
),

taxa_by_symbols as (
    select
        ranked_votes.dataset_id,
        ranked_votes.taxon
    from ranked_votes
    inner join name_counts
        on ranked_votes.dataset_id = name_counts.dataset_id
    where
        ranked_votes.place = 1
        and 2 * ranked_votes.n_names >= name_counts.n_names
        and ranked_votes.n_names >= 2 * coalesce(ranked_votes.runner_up, 0)
),

decided as (
    select
        to_build.*,
        case
            when to_build.molecule = 'small_molecule' then null
            else coalesce(
                to_build.declared_taxon, taxa_by_ids.taxon, taxa_by_symbols.taxon
            )
        end as taxon,
        case
            when to_build.molecule = 'small_molecule' then null
            when to_build.declared_taxon is not null then 'declared'
            when taxa_by_ids.taxon is not null then 'identifiers'
            when taxa_by_symbols.taxon is not null then 'symbols'
        end as taxon_evidence,
        case
            when to_build.is_lipid then 'lipid'
            else coalesce(name_types.name_type, 'name')
        end as name_type,
        case when not to_build.is_lipid then name_types.share end as name_type_share,
        case
            when not to_build.is_lipid and not name_types.is_self_telling then name_types.name_type
        end as reading_type,
        identifier_columns.header as identifier_column,
        identifier_columns.name_type as identifier_type
    from to_build
    left join name_types
        on to_build.dataset_id = name_types.dataset_id
    left join identifier_columns
        on to_build.dataset_id = identifier_columns.dataset_id
    left join taxa_by_ids
        on to_build.dataset_id = taxa_by_ids.dataset_id
    left join taxa_by_symbols
        on to_build.dataset_id = taxa_by_symbols.dataset_id
)

select
    decided.dataset_id,
    decided.feature_type,
    decided.molecule,
    decided.is_lipid,
    decided.dialect,
    decided.taxon,
    decided.taxon_evidence,
    decided.name_type,
    decided.name_type_share,
    decided.reading_type,
    decided.identifier_column,
    decided.identifier_type,
    concat_ws(
        '|',
        decided.taxon,
        nullif(decided.dialect, ''),
        case when decided.is_lipid and decided.feature_type <> 'lipid' then 'lipid' end,
        decided.reading_type,
        -- Marked: names that are UniProt accessions are not names with such a column beside them.
        'by ' || decided.identifier_type
    ) as context,
    decided.has_conventions or exists (
        select 1
        from coverage
        where
            decided.molecule = coverage.molecule
            and (
                decided.taxon is null
                or coverage.taxon is null
                or decided.taxon = coverage.taxon
            )
    ) as has_reference,
    decided.made_from
from decided
