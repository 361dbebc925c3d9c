with descriptions as (
    select * from {{ ref('int_dataset_descriptions') }}
),

taxa as (
    select * from {{ ref('taxa') }}
),

spellings as (
    select
        taxa.taxon,
        spelling.name
    from taxa
    cross join lateral unnest(
        string_to_array(
            concat_ws(
                '|', lower(taxa.taxon), split_part(taxa.taxon, ':', 2), lower(taxa.name),
                taxa.other_names
            ), '|'
        )
    ) as spelling (name)
),

declared as (
    select
        descriptions.dataset_id,
        organism.name
    from descriptions
    cross join lateral unnest(descriptions.organism) as organism (name)
)

-- An organism that the list of species does not have is kept by its own name: it is none of those.
select
    declared.dataset_id,
    min(coalesce(spellings.taxon, 'organism:' || lower(btrim(declared.name)))) as taxon
from declared
left join spellings
    on lower(regexp_replace(
        regexp_replace(btrim(declared.name), '\s*\(.*\)$', ''), '\s+', ' ', 'g'
    )) = spellings.name
where btrim(declared.name) <> ''
group by declared.dataset_id
having count(distinct coalesce(spellings.taxon, lower(btrim(declared.name)))) = 1
