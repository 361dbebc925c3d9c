{#-
    A long text in pieces that each speak of one thing: cut at headings, then at paragraphs, sentences
    and words, in this order of preference. A piece is named after its heading and counted within it,
    so an edit under one heading leaves the pieces under the others as they were.
-#}
{% macro text_pieces_function() -%}
create or replace function stats.text_pieces(content text, size integer)
returns table (piece text, body text)
language plpgsql immutable strict parallel safe
as $stats$
declare
    block text;
    held text := '';
    heading text := '';
    seen jsonb := '{}';
    number integer := 0;
    cut integer;
begin
    for block in
        select blocks.text
        from regexp_split_to_table(
            replace(content, E'\r', ''), E'\n[ \t]*\n|\n(?=#{1,6} )'
        ) with ordinality as blocks (text, place)
        where blocks.text ~ '\S'
        order by blocks.place
    loop
        if block ~ '^#{1,6} ' then
            if held ~ '\S' then
                number := number + 1;
                piece := concat_ws('.', nullif(heading, ''), number);
                body := btrim(held, E' \n');
                return next;
            end if;
            held := '';
            number := 0;
            heading := coalesce(nullif(left(btrim(
                regexp_replace(lower(split_part(block, E'\n', 1)), '[^a-z0-9]+', '-', 'g'), '-'
            ), 40), ''), 'part');
            -- Two headings of one name stay apart.
            seen := seen || jsonb_build_object(heading, coalesce((seen ->> heading)::integer, 0) + 1);
            if (seen ->> heading)::integer > 1 then
                heading := heading || '-' || (seen ->> heading);
            end if;
        -- A heading alone is no piece.
        elsif length(held) + length(block) + 2 > size and held !~ '^(#{1,6} [^\n]*)?$' then
            number := number + 1;
            piece := concat_ws('.', nullif(heading, ''), number);
            body := btrim(held, E' \n');
            return next;
            held := '';
        end if;
        held := held || case when held = '' then '' else E'\n\n' end || block;
        while length(held) > size loop
            cut := coalesce(length(substring(left(held, size) from '^.*[.!?][[:space:]]')), 0);
            if cut < size / 2 then
                cut := coalesce(length(substring(left(held, size) from '^.*[[:space:]]')), 0);
            end if;
            if cut < size / 2 then
                cut := size;
            end if;
            number := number + 1;
            piece := concat_ws('.', nullif(heading, ''), number);
            body := btrim(left(held, cut), E' \n');
            return next;
            held := substr(held, cut + 1);
        end loop;
    end loop;
    if held ~ '\S' then
        piece := concat_ws('.', nullif(heading, ''), number + 1);
        body := btrim(held, E' \n');
        return next;
    end if;
end
$stats$;
{%- endmacro %}
