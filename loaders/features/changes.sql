-- What a new release would change. Read by changes.py, statement by statement, in this order; `%` stands
-- for nothing here. The temporary tables that it reads are filled before:
--   compared_entities (side, reference, feature_type, canonical_id, name, taxon, status, replaced_by)
--   compared_names (side, reference, feature_type, canonical_id, name, kind)
--   compared_ids (side, reference, feature_type, canonical_id, local_id)
-- side is 'before' or 'after'.

-- name: prepare
-- A molecule may stand in several tables of a reference: where it is alive, it is.
create temporary table known_entities as
select distinct on (side, reference, canonical_id)
    side, reference, feature_type, canonical_id, name, coalesce(taxon, '') as taxon, status,
    replaced_by
from compared_entities
order by side, reference, canonical_id, (status = 'active') desc, (name is null), name;
create index on known_entities (reference, canonical_id, side);
analyze known_entities;

-- What each name leads to: the first kind that knows it, among molecules that are alive.
create temporary table resolved_names as
with ranked as (
    select
        n.side, n.reference, e.feature_type, e.taxon, n.name, n.canonical_id,
        case n.kind when 'approved' then 1 when 'previous' then 2 when 'alias' then 3 else 4 end
            as rank
    from compared_names as n
    inner join known_entities as e
        on n.side = e.side and n.reference = e.reference and n.canonical_id = e.canonical_id
    where e.status = 'active' and n.kind <> 'secondary_id'
),

best as (
    select *, min(rank) over (partition by side, reference, feature_type, taxon, name) as best_rank
    from ranked
)

select
    side, reference, feature_type, taxon, name,
    array_agg(distinct canonical_id order by canonical_id) as meanings
from best
where rank = best_rank
group by side, reference, feature_type, taxon, name;
create index on resolved_names (reference, name, side);
analyze resolved_names;

-- Where molecules went that are alive before and not after: said by the reference, or told by a name
-- that another molecule has taken over.
create temporary table gone_entities as
with gone as (
    select b.*, a.status as status_after, a.replaced_by as heirs_said
    from known_entities as b
    left join known_entities as a
        on a.side = 'after' and a.reference = b.reference and a.canonical_id = b.canonical_id
    where b.side = 'before' and b.status = 'active'
        and (a.canonical_id is null or a.status <> 'active')
),

by_id as (
    select g.reference, g.canonical_id, n.canonical_id as heir
    from gone as g
    inner join compared_names as n
        on n.side = 'after' and n.reference = g.reference
        and n.kind = 'secondary_id' and n.name = g.canonical_id
    union
    select g.reference, g.canonical_id, heir
    from gone as g
    cross join lateral unnest(g.heirs_said) as heir
),

by_name as (
    select g.reference, g.canonical_id, n.canonical_id as heir
    from gone as g
    inner join compared_names as n
        on n.side = 'after' and n.reference = g.reference and n.name = g.name
        and n.kind in ('approved', 'previous', 'alias') and n.canonical_id <> g.canonical_id
    inner join known_entities as e
        on e.side = 'after' and e.reference = n.reference and e.canonical_id = n.canonical_id
        and e.status = 'active' and e.feature_type = g.feature_type and e.taxon = g.taxon
    where not exists (
        select 1 from compared_names as o
        where o.side = 'before' and o.reference = n.reference
            and o.canonical_id = n.canonical_id and o.name = n.name
    )
),

heirs as (
    select reference, canonical_id, array_agg(distinct heir order by heir) as heirs, 'id' as told_by
    from by_id
    group by reference, canonical_id
    union all
    select reference, canonical_id, array_agg(distinct heir order by heir), 'name'
    from by_name as n
    where not exists (
        select 1 from by_id as i
        where i.reference = n.reference and i.canonical_id = n.canonical_id
    )
    group by reference, canonical_id
)

select
    g.reference, g.feature_type, g.canonical_id, g.name, g.status_after,
    coalesce(h.heirs, '{}') as heirs, h.told_by
from gone as g
left join heirs as h on h.reference = g.reference and h.canonical_id = g.canonical_id;

-- name: changes
select
    a.reference, 'added' as change, a.feature_type, a.canonical_id, a.name,
    null::text as name_before, '{}'::text[] as others
from known_entities as a
left join known_entities as b
    on b.side = 'before' and b.reference = a.reference and b.canonical_id = a.canonical_id
    and b.status = 'active'
where a.side = 'after' and a.status = 'active' and b.canonical_id is null
union all
select
    a.reference, 'renamed', a.feature_type, a.canonical_id, a.name, b.name, '{}'
from known_entities as a
inner join known_entities as b
    on b.side = 'before' and b.reference = a.reference and b.canonical_id = a.canonical_id
where a.side = 'after' and a.status = 'active' and b.status = 'active'
    and a.name is distinct from b.name
union all
select
    reference,
    case
        when cardinality(heirs) = 1 then 'merged'
        when cardinality(heirs) > 1 then 'split'
        when status_after = 'withdrawn' then 'withdrawn'
        else 'removed'
    end,
    feature_type, canonical_id, null, name, heirs
from gone_entities
union all
select
    a.reference, 'newly ambiguous', a.feature_type, b.meanings[1], a.name, a.name, a.meanings
from resolved_names as a
inner join resolved_names as b
    on b.side = 'before' and b.reference = a.reference and b.name = a.name
    and b.feature_type = a.feature_type and b.taxon = a.taxon
where a.side = 'after' and cardinality(a.meanings) > 1 and cardinality(b.meanings) = 1
union all
select
    a.reference, 'no longer ambiguous', a.feature_type, a.meanings[1], a.name, a.name, b.meanings
from resolved_names as a
inner join resolved_names as b
    on b.side = 'before' and b.reference = a.reference and b.name = a.name
    and b.feature_type = a.feature_type and b.taxon = a.taxon
where a.side = 'after' and cardinality(a.meanings) = 1 and cardinality(b.meanings) > 1
union all
-- The name stays and means another molecule, which is not merely the heir of the first.
select
    a.reference, 'now another molecule', a.feature_type, a.meanings[1], a.name, a.name, b.meanings
from resolved_names as a
inner join resolved_names as b
    on b.side = 'before' and b.reference = a.reference and b.name = a.name
    and b.feature_type = a.feature_type and b.taxon = a.taxon
left join gone_entities as g
    on g.reference = b.reference and g.canonical_id = b.meanings[1]
where a.side = 'after' and cardinality(a.meanings) = 1 and cardinality(b.meanings) = 1
    and a.meanings <> b.meanings and not coalesce(a.meanings[1] = any(g.heirs), false)
order by 1, 2, 4, 5;

-- name: ledger
-- Names that datasets report, and all that the references say of them: whatever differs may resolve
-- differently. Case, species prefixes and version numbers are set aside, so that no name is missed.
create temporary table reported_keys as
with reported as (
    select distinct feature_type, reported_name
    from marts.feature_names
),

parts as (
    select feature_type, reported_name, btrim(part) as part
    from reported
    cross join lateral unnest(array[reported_name] || string_to_array(reported_name, ';')) as part
),

keys as (
    select feature_type, reported_name, lower(part) as key from parts
    union
    select feature_type, reported_name, lower(regexp_replace(part, '^[A-Za-z. ]+:\s*', ''))
    from parts
    union
    select feature_type, reported_name, lower(regexp_replace(part, '[.-][0-9]+$', '')) from parts
    union
    select feature_type, reported_name, lower(split_part(part, '|', 2)) from parts
    union
    select feature_type, reported_name, lower(regexp_replace(part, '^HMDB(\d{5})$', 'HMDB00\1'))
    from parts
)

select
    feature_type, reported_name, key,
    case when feature_type in ('metabolite', 'lipid') then 'small' else 'gene' end as family
from keys
where key <> '';
create index on reported_keys (key);
analyze reported_keys;

create temporary table evidence as
select
    n.side, n.reference, k.feature_type, k.reported_name, n.canonical_id, e.status, e.taxon,
    e.name as display_name, n.kind,
    case n.kind
        when 'secondary_id' then 1 when 'approved' then 2 when 'previous' then 3 when 'alias' then 4
        else 5
    end as rank
from reported_keys as k
inner join compared_names as n
    on lower(case when n.kind = 'secondary_id' then split_part(n.name, ':', 2) else n.name end) = k.key
left join known_entities as e
    on e.side = n.side and e.reference = n.reference and e.canonical_id = n.canonical_id
where (n.feature_type in ('metabolite', 'lipid')) = (k.family = 'small')
union all
select
    i.side, i.reference, k.feature_type, k.reported_name, i.canonical_id, e.status, e.taxon,
    e.name, 'id', 0
from reported_keys as k
inner join compared_ids as i on lower(i.local_id) = k.key
left join known_entities as e
    on e.side = i.side and e.reference = i.reference and e.canonical_id = i.canonical_id
where (i.feature_type in ('metabolite', 'lipid')) = (k.family = 'small');

-- name: reported
with alive as (
    select *, min(rank) over (partition by side, reference, feature_type, reported_name) as best_rank
    from evidence
    where coalesce(status, 'active') = 'active'
),

meant as (
    select
        side, reference, feature_type, reported_name,
        array_agg(distinct canonical_id order by canonical_id) as meanings
    from alive
    where rank = best_rank
    group by side, reference, feature_type, reported_name
),

said as (
    select
        side, reference, feature_type, reported_name,
        md5(string_agg(distinct concat_ws('|', kind, canonical_id, status, taxon, display_name), ';'))
            as fingerprint
    from evidence
    group by side, reference, feature_type, reported_name
),

differing as (
    select reference, feature_type, reported_name
    from said
    group by reference, feature_type, reported_name
    having count(*) < 2 or min(fingerprint) <> max(fingerprint)
)

select
    d.reference, d.feature_type, d.reported_name,
    coalesce(b.meanings, '{}') as meanings_before, coalesce(a.meanings, '{}') as meanings_after
from differing as d
left join meant as b
    on b.side = 'before' and b.reference = d.reference and b.feature_type = d.feature_type
    and b.reported_name = d.reported_name
left join meant as a
    on a.side = 'after' and a.reference = d.reference and a.feature_type = d.feature_type
    and a.reported_name = d.reported_name
order by 1, 2, 3;
