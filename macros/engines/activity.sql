{#-
    Who was active, from unit days: rolling actives and lifecycle out of one small histogram of gaps.
    A `day` is a DATE, or any integer index of consecutive periods (hours): only `day ± n` and comparisons are used.
-#}

{%- macro columns_before(by) -%}
{%- for column in by %}{{ column }}, {% endfor -%}
{%- endmacro -%}

{%- macro active_gaps(unit_days, unit, by=[], cap_days=none) %}
    with unit_days_with_previous as (

        select
            {{ columns_before(by) }}day,
            lag(day) over (partition by {{ columns_before(by) }}{{ unit }} order by day) as previous_day
        from {{ unit_days }}

    )

    select
        {{ columns_before(by) }}day,
        {%- if cap_days is none %}
        previous_day,
        {%- else %}
        case when previous_day < day - {{ cap_days + 1 }} then day - {{ cap_days + 1 }} else previous_day end as previous_day,
        {%- endif %}
        count(*)::bigint as units
    from unit_days_with_previous
    group by all
{%- endmacro -%}

{%- macro rolling_actives(gaps, days, windows, by=[], cap_days=none) %}
    with changes as (
        {% for name, length in windows %}
        {%- if cap_days is not none and length > cap_days + 1 %}
        select {{ columns_before(by) }}day,
            error('{{ name }}: a window of {{ length }} days needs gaps that reach {{ length - 1 }} days back; these stop at {{ cap_days }}. Raise cap_days.')::bigint
            {%- for _ in windows[1:] %}, 0{% endfor %}, false
        from {{ gaps }}
        union all
        {%- endif %}
        select
            {{ columns_before(by) }}greatest(day, previous_day + {{ length }}) as day,
            {% for other, _ in windows %}{{ 'units' if other == name else '0' }} as {{ other }}, {% endfor %}
            false as is_asked
        from {{ gaps }}
        union all
        select
            {{ columns_before(by) }}day + {{ length }},
            {% for other, _ in windows %}{{ '-units' if other == name else '0' }}, {% endfor %}
            false
        from {{ gaps }}
        union all
        {% endfor %}
        select {{ columns_before(by) }}day, {% for _ in windows %}0, {% endfor %}true from {{ days }}

    ),

    changes_by_day as (

        select
            {{ columns_before(by) }}day,
            {% for name, _ in windows %}sum({{ name }}) as {{ name }}, {% endfor %}
            bool_or(is_asked) as is_asked
        from changes
        group by all

    ),

    running_totals as (

        select
            {{ columns_before(by) }}day,
            {% for name, _ in windows %}(sum({{ name }}) over previous_and_current)::bigint as {{ name }}, {% endfor %}
            is_asked
        from changes_by_day
        window previous_and_current as (
            {% if by %}partition by {{ by | join(', ') }} {% endif %}order by day rows unbounded preceding
        )

    )

    select {{ columns_before(by) }}day{% for name, _ in windows %}, {{ name }}{% endfor %}
    from running_totals
    where is_asked
{%- endmacro -%}

{%- macro lifecycle(gaps, periods, period, week_start='monday', by=[]) %}
    {%- set start = period_start('day', period, week_start) %}
    {%- set one_before = shift_period(start, period, -1) %}
    with openings as (

        select
            {{ columns_before(by) }}{{ start }} as period_start,
            units,
            case
                when previous_day is null then 'new'
                when previous_day >= {{ one_before }} then 'returning'
                else 'resurrected'
            end as status
        from {{ gaps }}
        where previous_day is null or previous_day < {{ start }}

    ),

    changes as (

        select
            {{ columns_before(by) }}period_start, false as is_asked,
            case when status = 'new' then units else 0 end as new_units,
            case when status = 'returning' then units else 0 end as returning_units,
            case when status = 'resurrected' then units else 0 end as resurrected_units,
            -- dormant(t) = active(t-1) - returning(t)
            case when status = 'returning' then -units else 0 end as dormant_units,
            units as active_units
        from openings
        union all
        select {{ columns_before(by) }}{{ shift_period('period_start', period, 1) }}, false, 0, 0, 0, units, 0 from openings
        union all
        select {{ columns_before(by) }}period_start, true, 0, 0, 0, 0, 0 from {{ periods }}

    )

    select
        {{ columns_before(by) }}period_start,
        sum(new_units)::bigint as new_units,
        sum(returning_units)::bigint as returning_units,
        sum(resurrected_units)::bigint as resurrected_units,
        sum(dormant_units)::bigint as dormant_units,
        sum(active_units)::bigint as active_units
    from changes
    group by all
    having bool_or(is_asked)
{%- endmacro -%}
