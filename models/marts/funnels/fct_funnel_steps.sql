-- depends_on: {{ ref('funnels') }}, {{ ref('funnel_steps') }}, {{ ref('funnel_exclusions') }}, {{ ref('event_catalog') }}
{%- set funnels = configured_funnels() %}

with

funnel_attempts as (select * from {{ ref('int_funnel_attempts') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

{% for named in funnels %}
-- {{ named.name }}
attempts_{{ loop.index }} as (
    select
        period,
        period_start,
        times
    from funnel_attempts
    where funnel = {{ quoted(named.name) }} and period != 'unit'
    union all
    -- a period in which nobody entered is a zero and not a hole
    select
        'total' as period,
        null as period_start,
        null as times
    {% if named.trend -%}
    union all
    select
        '{{ named.trend }}' as period,
        period_start,
        null as times
    from (
        {{ period_spine(
            "(select min(period_start) from funnel_attempts where period = 'unit' and funnel = " ~ quoted(named.name) ~ ")",
            "(select last_date from clocks where app is not distinct from " ~ quoted(named.scope.app) ~ ")",
            named.trend,
            setting('week_start'),
        ) }}
    )
    {%- endif %}
),

steps_{{ loop.index }} as (
    {{ funnel_steps('attempts_' ~ loop.index, named.steps, named.optional_steps, ['period', 'period_start']) }}
),
{% endfor %}

funnel_steps as (
    {% for named in funnels %}
    select
        {{ quoted(named.name) }} as funnel,
        steps_{{ loop.index }}.period,
        steps_{{ loop.index }}.period_start,
        cast(steps_{{ loop.index }}.step as integer) as step,
        list_extract(
            [
                {% for step in named.steps -%}
                {{ quoted(step.name) }}{{ ',' if not loop.last }}
                {% endfor %}
            ], steps_{{ loop.index }}.step
        ) as step_name,
        steps_{{ loop.index }}.users,
        steps_{{ loop.index }}.conversion_rate,
        steps_{{ loop.index }}.conversion_rate_from_previous,
        steps_{{ loop.index }}.drop_off,
        steps_{{ loop.index }}.avg_seconds_from_previous,
        steps_{{ loop.index }}.median_seconds_from_previous,
        coalesce(
            {{ shift_period('steps_' ~ loop.index ~ '.period_start', named.trend or 'day', 1) }}
            + interval {{ named.window_seconds }} second <= clocks.known_until, false
        ) as is_complete
    from steps_{{ loop.index }}
    left join clocks
        on clocks.app is not distinct from {{ quoted(named.scope.app) }}
    {{ 'union all' if not loop.last }}
    {% else %}
    select
        cast(null as varchar) as funnel,
        cast(null as varchar) as period,
        cast(null as date) as period_start,
        cast(null as integer) as step,
        cast(null as varchar) as step_name,
        cast(null as bigint) as users,
        cast(null as double) as conversion_rate,
        cast(null as double) as conversion_rate_from_previous,
        cast(null as bigint) as drop_off,
        cast(null as double) as avg_seconds_from_previous,
        cast(null as double) as median_seconds_from_previous,
        cast(null as boolean) as is_complete
    from funnel_attempts
    where false
    {% endfor %}
)

select * from funnel_steps
