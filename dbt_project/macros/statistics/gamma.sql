{#-
    Logarithms around the gamma function. Sources: Stirling's series (NIST DLMF 5.11.1) and the
    saddle-point form of the binomial probability (Loader 2000), which avoid the difference of two
    large logarithms: with that, a probability of a set in a million keeps 13 digits instead of 6.
-#}
{% macro statistics_gamma() -%}
-- ln(1 + x), without losing the digits of a small x.
create or replace function stats.log1p(x double precision) returns double precision
language sql immutable strict parallel safe
return case when 1 + x = 1 then x else ln(1 + x) * x / ((1 + x) - 1) end;

-- Rest of Stirling's formula: ln gamma(x) = (x - 1/2) ln x - x + ln(2 pi) / 2 + rest, x > 0.
create or replace function stats.stirling_rest(x double precision) returns double precision
language plpgsql immutable strict parallel safe
as $stats$
declare
    shifted double precision := x;
    product double precision := 1;
    square double precision;
    rest double precision;
begin
    while shifted < 10 loop
        product := product * shifted;
        shifted := shifted + 1;
    end loop;
    square := 1 / (shifted * shifted);
    rest := (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680
        - square * (1.0 / 1188 - square * (691.0 / 360360 - square / 156)))))) / shifted;
    if shifted = x then
        return rest;
    end if;
    return rest + (shifted - 0.5) * ln(shifted) - shifted - ln(product)
        - ((x - 0.5) * ln(x) - x);
end
$stats$;

-- ln gamma(x), x > 0.
create or replace function stats.log_gamma(x double precision) returns double precision
language sql immutable strict parallel safe
return (x - 0.5) * ln(x) - x + 0.5 * ln(2 * pi()) + stats.stirling_rest(x);

-- ln of the complete beta function, a and b > 0.
create or replace function stats.log_beta(a double precision, b double precision)
returns double precision
language plpgsql immutable strict parallel safe
as $stats$
declare
    large double precision := greatest(a, b);
    small double precision := least(a, b);
begin
    return stats.log_gamma(small)
        - (large - 0.5) * stats.log1p(small / large)
        - small * ln(large + small)
        + small
        + stats.stirling_rest(large)
        - stats.stirling_rest(large + small);
end
$stats$;

-- Deviance of a count from its expectation: x ln(x / expected) + expected - x, both > 0.
create or replace function stats.deviance(x double precision, expected double precision)
returns double precision
language plpgsql immutable strict parallel safe
as $stats$
declare
    ratio double precision := (x - expected) / (x + expected);
    term double precision := 2 * x * ratio;
    total double precision;
    before double precision;
    i integer := 1;
begin
    if abs(ratio) >= 0.1 then
        return x * ln(x / expected) + expected - x;
    end if;
    total := (x - expected) * ratio;
    loop
        term := term * ratio * ratio;
        before := total;
        total := total + term / (2 * i + 1);
        exit when total = before;
        i := i + 1;
    end loop;
    return total;
end
$stats$;

-- ln of the binomial probability of x successes in n draws; p + q = 1, both > 0, 0 <= x <= n.
create or replace function stats.log_binomial(
    x double precision, n double precision, p double precision, q double precision
) returns double precision
language sql immutable strict parallel safe
return case
    when n = 0 then 0
    when x = 0 then n * ln(q)
    when x = n then n * ln(p)
    else stats.stirling_rest(n) - stats.stirling_rest(x) - stats.stirling_rest(n - x)
        - stats.deviance(x, n * p) - stats.deviance(n - x, n * q)
        + 0.5 * ln(n / (2 * pi() * x * (n - x)))
end;
{%- endmacro %}
