{#-
    The columns are never null and never repeat together: the grain of the model. Of a model that
    carries dataset_id, `dbt build` looks at the datasets that changed and `dbt test` at all.
-#}
{% test grain(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as n_rows
from {{ model }}
{{ tested_datasets() if 'dataset_id' in columns }}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {%- for column in columns %}
    or {{ column }} is null
    {%- endfor %}
{% endtest %}
