{#-
    Tails of distributions of counts. Each begins with one exact probability and walks outwards by
    the ratio of neighbours; only terms of one sign are added.
-#}
{% macro statistics_counts() -%}
-- P(X >= observed) where `draws` are taken out of `population`, of which `marked` are marked.
create or replace function stats.hypergeometric_upper(
    observed bigint, population bigint, marked bigint, draws bigint
) returns double precision
language plpgsql immutable strict parallel safe
as $stats$
declare
    n double precision := population;
    m double precision := marked;
    d double precision := draws;
    k double precision := observed;
    upwards boolean;
    log_first double precision;
    term double precision := 1;
    total double precision := 1;
begin
    if marked > population or draws > population or marked < 0 or draws < 0 then
        return null;
    elsif observed <= greatest(0, draws + marked - population) then
        return 1;
    elsif observed > least(marked, draws) then
        return 0;
    end if;
    -- Above the mean the tail itself is added up, below it the other one.
    upwards := k > d * m / n;
    if not upwards then
        k := k - 1;
    end if;
    log_first := stats.log_binomial(k, m, d / n, (n - d) / n)
        + stats.log_binomial(d - k, n - m, d / n, (n - d) / n)
        - stats.log_binomial(d, n, d / n, (n - d) / n);
    if log_first < -740 then
        return case when upwards then 0 else 1 end;
    end if;
    if upwards then
        while k < least(m, d) and term > total * 1e-18 loop
            term := term * (m - k) / (k + 1) * (d - k) / (n - m - d + k + 1);
            total := total + term;
            k := k + 1;
        end loop;
        return least(1, exp(log_first) * total);
    end if;
    while k > greatest(0, d + m - n) and term > total * 1e-18 loop
        term := term * k / (m - k + 1) * (n - m - d + k) / (d - k + 1);
        total := total + term;
        k := k - 1;
    end loop;
    return greatest(0, 1 - exp(log_first) * total);
end
$stats$;

-- Two-sided p of the sign test: `agreeing` of `informative` pairs agree, each with chance 1/2.
create or replace function stats.sign_test_p(agreeing bigint, informative bigint)
returns double precision
language plpgsql immutable strict parallel safe
as $stats$
declare
    n double precision := informative;
    k double precision := greatest(agreeing, informative - agreeing);
    log_first double precision;
    term double precision := 1;
    total double precision := 1;
begin
    if informative <= 0 or agreeing < 0 or agreeing > informative then
        return null;
    elsif 2 * agreeing = informative then
        return 1;
    end if;
    log_first := stats.log_binomial(k, n, 0.5, 0.5);
    if log_first < -740 then
        return 0;
    end if;
    while k < n and term > total * 1e-18 loop
        term := term * (n - k) / (k + 1);
        total := total + term;
        k := k + 1;
    end loop;
    return least(1, 2 * exp(log_first) * total);
end
$stats$;
{%- endmacro %}
