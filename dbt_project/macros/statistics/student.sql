{#-
    Tails of Student's t through the regularized incomplete beta function, by its continued fraction
    (NIST DLMF 8.17.22) in the order of Lentz. x and 1 - x are passed apart, because their sum says
    nothing of the smaller one. What is below the range of the type is 0.
-#}
{% macro statistics_student() -%}
-- I_x(a, b) with y = 1 - x.
create or replace function stats.incomplete_beta(
    a double precision, b double precision, x double precision, y double precision
) returns double precision
language plpgsql immutable strict parallel safe
as $stats$
declare
    tiny constant double precision := 1e-290;
    c double precision := 1;
    d double precision;
    h double precision;
    step double precision;
    even double precision;
    odd double precision;
    log_front double precision;
    m integer := 1;
begin
    if x <= 0 then
        return 0;
    elsif y <= 0 then
        return 1;
    elsif x > (a + 1) / (a + b + 2) then
        return 1 - stats.incomplete_beta(b, a, y, x);
    end if;
    log_front :=
        a * (case when x < 0.5 then ln(x) else stats.log1p(-y) end)
        + b * (case when y < 0.5 then ln(y) else stats.log1p(-x) end)
        - stats.log_beta(a, b);
    if log_front < -740 then
        return 0;
    end if;
    d := 1 - (a + b) * x / (a + 1);
    if abs(d) < tiny then
        d := tiny;
    end if;
    d := 1 / d;
    h := d;
    loop
        even := m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d := 1 + even * d;
        if abs(d) < tiny then
            d := tiny;
        end if;
        c := 1 + even / c;
        if abs(c) < tiny then
            c := tiny;
        end if;
        d := 1 / d;
        h := h * d * c;
        odd := -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d := 1 + odd * d;
        if abs(d) < tiny then
            d := tiny;
        end if;
        c := 1 + odd / c;
        if abs(c) < tiny then
            c := tiny;
        end if;
        d := 1 / d;
        step := d * c;
        h := h * step;
        exit when abs(step - 1) < 3e-16 or m >= 100000;
        m := m + 1;
    end loop;
    return exp(log_front) * h / a;
end
$stats$;

-- Two-sided p of Student's t; null where the degrees of freedom are not positive.
create or replace function stats.student_p(t double precision, df double precision)
returns double precision
language plpgsql immutable strict parallel safe
as $stats$
declare
    square double precision;
begin
    if df <= 0 or df = 'NaN' or t = 'NaN' then
        return null;
    elsif abs(t) > 1e150 then
        return 0;
    elsif abs(t) < 1e-150 then
        return 1;
    elsif df > 1e15 then
        return stats.normal_p(t);
    end if;
    square := t * t;
    return stats.incomplete_beta(df / 2, 0.5, df / (df + square), square / (df + square));
end
$stats$;
{%- endmacro %}
