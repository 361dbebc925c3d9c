{#-
    Tails and quantiles of the normal distribution. Near the middle the power series of positive terms
    (NIST DLMF 7.6.2), further out the continued fraction of Mills' ratio (7.9.1). The quantile is
    algorithm AS 241 (Wichura 1988), good to 16 digits.
-#}
{% macro statistics_normal() -%}
-- P(Z > z).
create or replace function stats.normal_upper(z double precision) returns double precision
language plpgsql immutable strict parallel safe
as $stats$
declare
    distance double precision := abs(z);
    tail double precision;
    term double precision;
    total double precision;
    i integer;
begin
    if z = 'NaN' then
        return null;
    elsif distance > 38.5 then
        tail := 0;
    elsif distance < 2.5 then
        term := distance;
        total := distance;
        i := 3;
        while term > total * 1e-17 and term > 1e-300 loop
            term := term * distance * distance / i;
            total := total + term;
            i := i + 2;
        end loop;
        tail := 0.5 - total * exp(-0.5 * distance * distance) / sqrt(2 * pi());
    else
        total := distance;
        for i in reverse cast(20 + 500 / (distance * distance) as integer)..1 loop
            total := distance + i / total;
        end loop;
        tail := exp(-0.5 * distance * distance) / (sqrt(2 * pi()) * total);
    end if;
    return case when z < 0 then 1 - tail else tail end;
end
$stats$;

-- Two-sided p of a standard normal statistic.
create or replace function stats.normal_p(z double precision) returns double precision
language sql immutable strict parallel safe
return least(1, 2 * stats.normal_upper(abs(z)));

-- The z above which lies the probability p: the inverse of normal_upper, 0 < p < 1.
create or replace function stats.normal_quantile_upper(p double precision)
returns double precision
language plpgsql immutable strict parallel safe
as $stats$
declare
    q double precision := 0.5 - p;
    r double precision;
    z double precision;
begin
    if not (p > 0 and p < 1) then
        return null;
    end if;
    if abs(q) <= 0.425 then
        r := 0.180625 - q * q;
        return q * (((((((2509.0809287301226727 * r + 33430.575583588128105) * r
            + 67265.770927008700853) * r + 45921.953931549871457) * r
            + 13731.693765509461125) * r + 1971.5909503065514427) * r
            + 133.14166789178437745) * r + 3.387132872796366608)
            / (((((((5226.495278852545925 * r + 28729.085735721942674) * r
            + 39307.89580009271061) * r + 21213.794301586595867) * r
            + 5394.1960214247511077) * r + 687.1870074920579083) * r
            + 42.313330701600911252) * r + 1);
    end if;
    r := sqrt(-ln(least(p, 1 - p)));
    if r <= 5 then
        r := r - 1.6;
        z := (((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r
            + 0.24178072517745061177) * r + 1.27045825245236838258) * r
            + 3.64784832476320460504) * r + 5.7694972214606914055) * r
            + 4.6303378461565452959) * r + 1.42343711074968357734)
            / (((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r
            + 0.0151986665636164571966) * r + 0.14810397642748007459) * r
            + 0.68976733498510000455) * r + 1.6763848301838038494) * r
            + 2.05319162663775882187) * r + 1);
    else
        r := r - 5;
        z := (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r
            + 0.0012426609473880784386) * r + 0.026532189526576123093) * r
            + 0.29656057182850489123) * r + 1.7848265399172913358) * r
            + 5.4637849111641143699) * r + 6.6579046435011037772)
            / (((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r
            + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r
            + 0.0148753612908506148525) * r + 0.13692988092273580531) * r
            + 0.59983220655588793769) * r + 1);
    end if;
    return case when q < 0 then -z else z end;
end
$stats$;
{%- endmacro %}
