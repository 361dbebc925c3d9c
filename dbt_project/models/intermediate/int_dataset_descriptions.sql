{{ config(materialized='table', indexes=[{'columns': ['dataset_id'], 'unique': true}]) }}

with dataset_rows as (
    select *
    from {{ ref('int_sheet_dataset_rows') }}
    where not is_duplicate
),

links as not materialized (
    select * from {{ ref('int_dataset_links') }}
),

scopes as not materialized (
    select * from {{ ref('int_dataset_sample_scopes') }}
),

sample_rows as (
    select *
    from {{ ref('int_sheet_sample_rows') }}
    where not is_duplicate
),

entities as (
    select * from {{ ref('int_sheet_entities') }}
),

noted as (
    select *
    from {{ ref('int_notion_fields') }}
    where entity_type = 'dataset'
),

-- What the files themselves say of their samples
file_facts as not materialized (
    select facts.*
    from {{ ref('int_file_sample_facts') }} as facts
    inner join {{ ref('int_dataset_versions') }} as versions
        on
            facts.dataset_id = versions.dataset_id
            and facts.file_id = versions.file_id
            and facts.load_id = versions.load_id
    where
        versions.is_current
        and coalesce(facts.organism, facts.sample_type, facts.disease) is not null
),

-- The row that names a dataset most closely comes first, fact by fact.
facts as (
    select
        dataset_rows.dataset_id,
        fact.key,
        fact.value,
        row_number() over (
            partition by dataset_rows.dataset_id, fact.key
            order by dataset_rows.closeness
        ) as fact_rank
    from dataset_rows
    cross join lateral jsonb_each(
        (dataset_rows.fields - 'name')
        || case
            when dataset_rows.dataset_name is null then cast('{}' as jsonb)
            else jsonb_build_object('name', dataset_rows.dataset_name)
        end
    ) as fact (key, value)
),

gathered as (
    select
        facts.dataset_id,
        jsonb_object_agg(facts.key, facts.value) as fields
    from facts
    where facts.fact_rank = 1
    group by facts.dataset_id
),

-- Where Notion is first, what a page says goes over what sheets say.
described as (
    select
        coalesce(gathered.dataset_id, noted.entity_id) as dataset_id,
        case
            when gathered.dataset_id is null then noted.fields
            else {{ with_notion_fields('gathered.fields', 'noted.fields') }}
        end as fields
    from gathered
    full outer join noted
        on gathered.dataset_id = noted.entity_id
),

linked as (
    select
        links.dataset_id,
        md5(string_agg(
            links.kind || cast(links.entity_id as text), '' order by links.kind, links.entity_id
        )) as links_hash
    from links
    group by links.dataset_id
),

scope_facts as materialized (
    select
        sample_rows.scope,
        md5(string_agg(
            concat(sample_rows.record_id, sample_rows.fields, sample_rows.attributes),
            '' order by sample_rows.record_id
        )) as scope_hash,
        jsonb_agg(distinct sample_rows.fields -> 'organism') filter (
            where sample_rows.fields ? 'organism'
        ) as organism,
        jsonb_agg(distinct sample_rows.fields -> 'organism_part') filter (
            where sample_rows.fields ? 'organism_part'
        ) as sample_type,
        jsonb_agg(distinct sample_rows.fields -> 'disease') filter (
            where sample_rows.fields ? 'disease'
        ) as disease
    from sample_rows
    group by sample_rows.scope
),

sampled as (
    select
        scopes.dataset_id,
        array_agg(scopes.scope order by scopes.scope) as sample_scopes,
        md5(string_agg(
            concat(scopes.scope, scope_facts.scope_hash), '' order by scopes.scope
        )) as samples_hash
    from scopes
    left join scope_facts
        on scopes.scope = scope_facts.scope
    group by scopes.dataset_id
),

-- What the dataset's own row leaves out, its experiment says, else its samples, else its file.
lists as (
    select
        described.dataset_id,
        1 as nearness,
        described.fields -> 'organism' as organism,
        described.fields -> 'sample_type' as sample_type,
        described.fields -> 'disease' as disease
    from described
    union all
    select
        links.dataset_id,
        2 as nearness,
        entities.fields -> 'organism' as organism,
        entities.fields -> 'matrix' as sample_type,
        entities.fields -> 'disease' as disease
    from links
    inner join entities
        on links.entity_id = entities.entity_id
    where links.kind = 'experiment'
    union all
    select
        scopes.dataset_id,
        3 as nearness,
        scope_facts.organism,
        scope_facts.sample_type,
        scope_facts.disease
    from scopes
    inner join scope_facts
        on scopes.scope = scope_facts.scope
    union all
    select
        file_facts.dataset_id,
        4 as nearness,
        file_facts.organism,
        file_facts.sample_type,
        file_facts.disease
    from file_facts
),

elements as (
    select
        lists.dataset_id,
        lists.nearness,
        named.key,
        element.value,
        min(lists.nearness) over (partition by lists.dataset_id, named.key) as nearest
    from lists
    cross join
        lateral (
            values
            ('organism', lists.organism),
            ('sample_type', lists.sample_type),
            ('disease', lists.disease)
        ) as named (key, texts)
    cross join lateral unnest({{ text_array('named.texts') }}) as element (value)
),

nearest_lists as (
    select
        elements.dataset_id,
        array_agg(distinct elements.value) filter (where elements.key = 'organism') as organism,
        array_agg(distinct elements.value) filter (where elements.key = 'sample_type')
            as sample_type,
        array_agg(distinct elements.value) filter (where elements.key = 'disease') as disease
    from elements
    where elements.nearness = elements.nearest
    group by elements.dataset_id
),

known as (
    select described.dataset_id from described
    union
    select linked.dataset_id from linked
    union
    select sampled.dataset_id from sampled
    union
    select file_facts.dataset_id from file_facts
),

final as (
    select
        known.dataset_id,
        described.fields ->> 'name' as name,
        described.fields ->> 'description' as description,
        nearest_lists.organism,
        nearest_lists.sample_type,
        nearest_lists.disease,
        described.fields ->> 'methods' as methods,
        described.fields ->> 'summary' as summary,
        described.fields ->> 'results' as results,
        described.fields ->> 'conclusions' as conclusions,
        described.fields ->> 'dataset_source_type' as dataset_source_type,
        described.fields ->> 'data_origin' as data_origin,
        described.fields ->> 'omics_type' as omics_type,
        described.fields ->> 'quantity' as quantity,
        described.fields ->> 'unit' as unit,
        described.fields ->> 'value_scale' as value_scale,
        described.fields -> 'external_ids' as external_ids,
        described.fields ->> 'notion_page_id' as notion_page_id,
        sampled.sample_scopes,
        linked.links_hash,
        sampled.samples_hash
    from known
    left join described
        on known.dataset_id = described.dataset_id
    left join linked
        on known.dataset_id = linked.dataset_id
    left join sampled
        on known.dataset_id = sampled.dataset_id
    left join nearest_lists
        on known.dataset_id = nearest_lists.dataset_id
)

select
    final.*,
    md5(cast(final as text)) as described_hash
from final
