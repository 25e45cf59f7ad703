{#- What configured analyses are to their engines: selectors as conditions, seeds' settings as arguments. -#}

{#- A text or number of a seed as an SQL literal. -#}
{% macro quoted(value) -%}
    {%- if value is none -%}
        null
    {%- elif value is string -%}
        '{{ value | replace("'", "''") }}'
    {%- else -%}
        {{ value }}
    {%- endif -%}
{%- endmacro %}

{#- The conditions of a where, all of which must hold. -#}
{% macro fulfils(where) -%}
    {%- for key, operators in where.items() -%}
        {{- ' and ' if not loop.first -}}
        {%- if key in ['occurred_at', 'received_at'] -%}
            {{ time_condition(local_timestamp(key), operators, quoted) }}
        {%- else -%}
            {{ condition(event_value(key), operators, quoted) }}
        {%- endif -%}
    {%- else -%}
        true
    {%- endfor -%}
{%- endmacro %}

{#- The condition that a selector selects an event; of a blank one `any_event`, or that the event is activity. -#}
{% macro selects(selector, any_event='true') -%}
    {%- if selector == {'event_name': none, 'where': {}} -%}
        {{ any_event }}
    {%- else -%}
        ({{ 'true' if selector.event_name is none else 'event_name = ' ~ quoted(selector.event_name) }} and {{ fulfils(selector.where) }})
    {%- endif -%}
{%- endmacro %}

{#- The condition that an event is one of those that an analysis is about. -#}
{% macro is_in_scope(scope) -%}
    {{ unit_of(scope) }} is not null and {{ 'true' if scope.app is none else 'app = ' ~ quoted(scope.app) }} and {{ fulfils(scope.where) }}
{%- endmacro %}

{#- The unit that an analysis counts. -#}
{% macro unit_of(scope) -%}
    {%- if scope.unit == 'person' -%}
        person_id
    {%- elif scope.unit == 'account' -%}
        account_id
    {%- else -%}
        {{ event_value(scope.unit) }}
    {%- endif -%}
{%- endmacro %}

{#- The events that some funnel names (all in scope of a strict one), once for each funnel with the numbers of its steps and exclusions. -#}
{% macro events_of_funnels(events, funnels) -%}
    with parts as (

    select
        event_id,
        occurred_at,
        unnest(list_filter([
            {% for named in funnels -%}
            case when {{ is_in_scope(named.scope) }} then {
                'funnel': {{ quoted(named.name) }},
                'unit': cast({{ unit_of(named.scope) }} as varchar),
                'is_strict': {{ named.order == 'strict' }},
                'steps': list_filter(
                    [{% for step in named.steps %}case when {{ selects(step.event) }} then {{ loop.index }} end{{ ', ' if not loop.last }}{% endfor %}],
                    number -> number is not null
                ),
                'exclusions': list_filter(
                    [{% for span in named.exclusions %}case when {{ selects(span.event) }} then {{ loop.index }} end{{ ', ' if not loop.last }}{% endfor %}]::integer[],
                    number -> number is not null
                )
            } end{{ ',' if not loop.last }}
            {% endfor %}
        ], part -> part.is_strict or len(part.steps) + len(part.exclusions) > 0)) as part
    from {{ events }}
    where
        {% for named in funnels -%}
        {{ 'or ' if not loop.first }}(
            {{ is_in_scope(named.scope) }}
            {% if named.order != 'strict' -%}
            and (
                {%- for part in named.steps + named.exclusions %}{{ ' or ' if not loop.first }}{{ selects(part.event) }}{% endfor -%}
            )
            {%- endif %}
        )
        {% endfor %}
    )

    select event_id, occurred_at, part.* from parts
{%- endmacro %}

{#- The events of one funnel as its engine takes them. -#}
{% macro events_of_funnel(funnel_events, named) -%}
    select
        unit,
        epoch_us(occurred_at) as at_us,
        event_id,
        exclusions,
        true as is_entry,
        null::varchar as breakdown,
        {{ period_start(local_date('occurred_at'), named.trend or 'day', setting('week_start')) }} as entry_period,
        list_filter([
            {%- for step in named.steps %}
            case when list_contains(steps, {{ loop.index }})
                {%- if step.is_first_ever %} and (occurred_at, event_id) = min(
                    case when list_contains(steps, {{ loop.index }}) then (occurred_at, event_id) end
                ) over (partition by unit){% endif %} then {{ loop.index }} end{{ ',' if not loop.last }}
            {%- endfor %}
        ], number -> number is not null) as steps
    from {{ funnel_events }}
    where funnel = {{ quoted(named.name) }}
{%- endmacro %}

{#- The engine's attempts of a funnel, over its events as events_of_funnel gives them. -#}
{% macro attempts_of_funnel(events, named, per) -%}
    {{ funnel(
        events if named.order == 'strict' else '(select * from ' ~ events ~ ' where len(steps) > 0)',
        named.steps | length,
        named.window_seconds * 1000000,
        named.order,
        named.optional_steps,
        named.exclusions,
        events,
        per if named.count == 'units' else ['unit', 'entry_position'],
    ) }}
{%- endmacro %}

{#- The cohorts of a retention as its engine takes them. -#}
{% macro starts_of_retention(named, person_days, events, calendar) -%}
    with start_events as (

        {{ events_of_retention(named, named.start_event, person_days, events) }}

    )

    select unit, place as cohort, min(at_us) as anchor_us
    from start_events
    inner join {{ calendar }} as calendar on start_events.period_start = calendar.period_start and calendar.period = '{{ named.period }}'
    group by unit, place
    {% if named.is_first_time -%}
    qualify row_number() over (partition by unit order by place) = 1
    {%- endif %}
{%- endmacro %}

{#- The return events of a retention as its engine takes them. -#}
{% macro returns_of_retention(named, person_days, events, calendar) -%}
    with return_events as (

        {{ events_of_retention(named, named.return_event, person_days, events) }}

    )

    {% if named.window == 'rolling_24h' -%}
    select unit, at_us as moment_us, 1 as events, amount from return_events
    {%- else -%}
    select unit, place, sum(events) as events, sum(amount) as amount
    from return_events
    inner join {{ calendar }} as calendar on return_events.period_start = calendar.period_start and calendar.period = '{{ named.period }}'
    group by all
    {%- endif %}
{%- endmacro %}

{#- The start or return events of a retention, from person days where these say the same. -#}
{% macro events_of_retention(named, event, person_days, events) -%}
    {%- set any_activity = {'event_name': none, 'where': {}} -%}
    {%- set scope = named.scope -%}
    {%- set is_by_days = scope.unit == 'person' and scope.app is none and not scope.where and named.value is none and named.window == 'calendar' -%}
    {%- set is_of_days = is_by_days and event == any_activity -%}
    {%- set are_both = is_of_days and named.start_event == named.return_event -%}
    {%- set day = 'activity_date' if is_of_days else local_date('occurred_at') -%}
    select
        {{ 'person_key' if are_both else unit_of(scope) }} as unit,
        {{ 'activity_events' if is_of_days else '1' }} as events,
        {{ 'null::bigint' if is_of_days else 'epoch_us(occurred_at)' }} as at_us,
        {{ '0' if named.value is none else text_as_amount(event_value(named.value)) }} as amount,
        {{ period_start(day, named.period, setting('week_start')) }} as period_start
    from {{ person_days if is_of_days else events }}
    {% if not is_of_days -%}
    where {{ is_in_scope(scope) }} and {{ selects(event, 'is_activity') }}
    {%- endif %}
{%- endmacro %}

{#- The cells that have begun of every cohort of a retention. -#}
{% macro cells_of_retention(named, starts, calendar, clocks) -%}
    with cohort_cells as (

        select place as cohort, next_period_start as cohort_end, period_start as cohort_start, unnest(generate_series(0, {{ named.periods }})) as later
        from {{ calendar }}
        where period = '{{ named.period }}' and place in (select cohort from {{ starts }})

    )

    select
        cohort_cells.cohort,
        cohort_cells.later as period,
        {%- if named.window == 'calendar' %}
        calendar.next_period_start <= clocks.known_until as is_complete
        {%- else %}
        cohort_cells.cohort_end + (later + 1) * to_seconds({{ named.period_seconds }}) <= clocks.known_until as is_complete
        {%- endif %}
    from cohort_cells
    inner join {{ clocks }} as clocks on clocks.app is not distinct from {{ quoted(named.scope.app) }}
    {% if named.window == 'calendar' -%}
    inner join {{ calendar }} as calendar on calendar.period = '{{ named.period }}' and calendar.place = cohort_cells.cohort + cohort_cells.later
    where calendar.period_start <= clocks.known_until
    {%- else -%}
    where cohort_cells.cohort_start + later * to_seconds({{ named.period_seconds }}) <= clocks.known_until
    {%- endif %}
{%- endmacro %}
