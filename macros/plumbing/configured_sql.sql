{#- What configured analyses are to their engines: selectors as conditions, the settings of seeds as arguments. -#}

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

{#- The condition that a selector selects an event. -#}
{% macro selects(selector) -%}
    {%- if selector.event_name is none and not selector.where -%}
        {{ selector.blank }}
    {%- else -%}
        ({{ 'true' if selector.event_name is none else 'event_name = ' ~ quoted(selector.event_name) }} and {{ fulfils(selector.where) }})
    {%- endif -%}
{%- endmacro %}

{#- The condition that a staged event has an analysis's unit and belongs to what it is about. -#}
{% macro is_in_scope(scope) -%}
    {{ '(user_id is not null or anonymous_id is not null)' if scope.unit == 'person' else unit_of(scope) ~ ' is not null' }}
    and {{ 'true' if scope.app is none else 'app = ' ~ quoted(scope.app) }} and {{ fulfils(scope.where) }}
{%- endmacro %}

{#- The unit that an analysis counts; null for persons, whom an event gets only when it is read. -#}
{% macro unit_of(scope) -%}
    {%- if scope.unit == 'person' -%}
        null::varchar
    {%- elif scope.unit == 'account' -%}
        account_id
    {%- else -%}
        {{ event_value(scope.unit) }}
    {%- endif -%}
{%- endmacro %}

{#- One row per event and analysis that it has a part in: the events that any names are kept once, then told apart. -#}
{% macro picked_events(events, analyses) -%}
    {%- set picking = [] -%}
    {%- for named in analyses if named.parts_by_days | length < named.selectors | length -%}
        {%- do picking.append(named) -%}
    {%- endfor -%}
    with named_events as materialized (

        select * from {{ events }}
        where false
            {%- for named in picking %}
            or {{ may_name(named) }}
            {%- endfor %}

    ),

    picks as (

        {% for named in picking -%}
        select
            {{ quoted(named.kind) }} as kind,
            {{ quoted(named.name) }} as analysis,
            {{ named.is_whole }} as is_whole,
            app, event_id, event_date, occurred_at, identity_key,
            {{ unit_of(named.scope) }} as other_unit,
            list_filter(
                [
                    {%- for selector in named.selectors %}
                    {{ 'null' if loop.index in named.parts_by_days else 'case when ' ~ selects(selector) ~ ' then ' ~ loop.index ~ ' end' }}
                    {{- ',' if not loop.last }}
                    {%- endfor %}
                ]::integer[],
                part -> part is not null
            ) as parts,
            {{ 'null::decimal(38, 6)' if named.value is none else text_as_amount(event_value(named.value)) }} as amount
        from named_events
        where {{ may_name(named) }}
        union all
        {% endfor -%}
        select null, null, null, app, event_id, event_date, occurred_at, identity_key, null, [], null::decimal(38, 6)
        from named_events
        where false

    )

    select kind, analysis, app, event_id, event_date, occurred_at, other_unit, parts, amount, identity_key
    from picks
    where is_whole or len(parts) > 0
{%- endmacro %}

{#- The condition that an analysis may name an event; conditions on properties, which cost the most, are left for the parts. -#}
{% macro may_name(named) -%}
    ({{ is_in_scope(named.scope) }}
    {%- if not named.is_whole %} and (false
        {%- for selector in named.selectors %}
        {%- if loop.index not in named.parts_by_days %} or {{ selects(selector) if selector.event_name is none else 'event_name = ' ~ quoted(selector.event_name) }}{% endif %}
        {%- endfor -%}
    ){% endif %})
{%- endmacro %}

{#- The picked events of one kind of analysis with the unit of each. -#}
{% macro events_of_kind(picked_events, identities, kind, event_money=none, analyses=[]) -%}
    select
        {% if event_money is none -%}
        picked_events.*,
        {%- else -%}
        picked_events.* replace (
            case
                when event_money.event_id is not null and picked_events.analysis in (''
                    {%- for named in analyses if named.value in ['amount_cents', 'properties.amount_cents'] %}, {{ quoted(named.name) }}{% endfor -%}
                ) then cast(event_money.value_cents as decimal(38, 6))
                else picked_events.amount
            end as amount
        ),
        coalesce(event_money.is_repeated, false) as is_repeated,
        {%- endif %}
        coalesce(picked_events.other_unit, identities.person_id) as unit,
        epoch_us(picked_events.occurred_at) as at_us
    from {{ picked_events }} as picked_events
    left join {{ identities }} as identities on picked_events.identity_key = identities.identity_key
    {% if event_money is not none -%}
    left join {{ event_money }} as event_money
        on
            picked_events.app = event_money.app
            and picked_events.event_id = event_money.event_id
            and picked_events.occurred_at = event_money.occurred_at
    {%- endif %}
    where picked_events.kind = '{{ kind }}'
{%- endmacro %}

{#- Periods of every kind over all the data; neighbours have neighbouring places. -#}
{% macro calendar_of(clocks) -%}
    {% for period in ['day', 'week', 'month'] -%}
    select
        '{{ period }}' as period,
        period_start,
        {{ shift_period('period_start', period, 1) }} as next_period_start,
        row_number() over (order by period_start) as place
    from (
        {{ period_spine(
            '(select first_date from ' ~ clocks ~ ' where app is null)',
            '(select last_date from ' ~ clocks ~ ' where app is null)',
            period,
            setting('week_start'),
        ) }}
    )
    {{ 'union all' if not loop.last }}
    {% endfor %}
{%- endmacro %}

{#- The events of one funnel as its engine takes them. -#}
{% macro events_of_funnel(events, named) -%}
    {%- set steps = named.steps | length -%}
    select
        unit,
        at_us,
        -- apps may number their events alike
        (event_id, app) as event_id,
        true as is_entry,
        null::varchar as breakdown,
        {{ period_start(local_date('occurred_at'), named.trend or 'day', setting('week_start')) }} as entry_period,
        list_filter([
            {%- for step in named.steps %}
            case when list_contains(parts, {{ loop.index }})
                {%- if step.is_first_ever %} and (occurred_at, event_id, app) = min(
                    case when list_contains(parts, {{ loop.index }}) then (occurred_at, event_id, app) end
                ) over (partition by unit){% endif %} then {{ loop.index }} end{{ ',' if not loop.last }}
            {%- endfor %}
        ], step -> step is not null) as steps,
        list_transform(list_filter(parts, part -> part > {{ steps }}), part -> part - {{ steps }}) as exclusions
    from {{ events }}
    where analysis = {{ quoted(named.name) }}
{%- endmacro %}

{#- The engine's attempts of a funnel, over its events as events_of_funnel gives them. -#}
{% macro attempts_of_funnel(events, named, per) -%}
    {%- set selectors = [] -%}
    {%- for step in named.steps -%}
        {%- set selector = named.selectors[loop.index0] -%}
        {%- set narrower = ('first ever ' if step.is_first_ever else '') ~ (selector.where if selector.where else '') -%}
        {%- do selectors.append([selector.event_name, narrower]) -%}
    {%- endfor -%}
    {{ funnel(
        events if named.is_whole else '(select * from ' ~ events ~ ' where len(steps) > 0)',
        named.steps | length,
        named.window_seconds * 1000000,
        named.order,
        named.optional_steps,
        named.exclusions,
        events,
        per if named.count == 'units' else ['unit', 'entry_position'],
        selectors,
        has_breakdowns=false,
    ) }}
{%- endmacro %}

{#- The days with activity of an analysis's persons. -#}
{% macro days_of_persons(person_days, scope) -%}
    (select * from {{ person_days }} where {{ 'true' if scope.app is none else 'app = ' ~ quoted(scope.app) }})
{%- endmacro %}

{#- The cohorts of a retention as its engine takes them. -#}
{% macro starts_of_retention(named, person_days, events, calendar) -%}
    with start_events as (

        {{ events_of_retention(named, 1, person_days, events) }}

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

        {{ events_of_retention(named, 2, person_days, events) }}

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

{#- The start (1) or return (2) events of a retention. -#}
{% macro events_of_retention(named, part, person_days, events) -%}
    {%- set is_by_days = part in named.parts_by_days -%}
    select
        {{ 'unit' if not is_by_days else 'person_key' if named.parts_by_days | length == 2 else 'person_id' }} as unit,
        {{ 'activity_events' if is_by_days else '1' }} as events,
        {{ 'null::bigint' if is_by_days else 'at_us' }} as at_us,
        {{ '0' if named.value is none else 'amount' }} as amount,
        {{ period_start('activity_date' if is_by_days else local_date('occurred_at'), named.period, setting('week_start')) }} as period_start
    from {{ days_of_persons(person_days, named.scope) if is_by_days else events }}
    {% if not is_by_days -%}
    where analysis = {{ quoted(named.name) }} and list_contains(parts, {{ part }})
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

{#- Rows of (unit, day) in every kind of period. -#}
{% macro in_every_period(rows, columns) -%}
    {% for period in ['day', 'week', 'month'] -%}
    select '{{ period }}' as period, {{ period_start('day', period, setting('week_start')) }} as period_start, {{ columns | join(', ') }}
    from {{ rows }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
{%- endmacro %}

{#- Who is active in the scope of a conversion, as its engine takes them. -#}
{% macro active_of_conversion(named, person_days, events) -%}
    with active_days as (

        {% if 3 in named.parts_by_days -%}
        select distinct person_key as unit, activity_date as day
        from {{ days_of_persons(person_days, named.scope) }}
        where is_active
        {%- else -%}
        select distinct unit, {{ local_date('occurred_at') }} as day
        from {{ events }}
        where analysis = {{ quoted(named.name) }} and list_contains(parts, 3)
        {%- endif %}

    )

    {{ in_every_period('active_days', ['unit']) }}
{%- endmacro %}

{#- The events of a conversion as its engine takes them. -#}
{% macro events_of_conversion(named, events) -%}
    with conversion_days as (

        select unit, at_us, {{ local_date('occurred_at') }} as day
        from {{ events }}
        where analysis = {{ quoted(named.name) }} and list_contains(parts, 1) and not is_repeated

    )

    {{ in_every_period('conversion_days', ['unit', 'at_us']) }}
{%- endmacro %}

{#- From when on the time to convert runs, as the engine takes it. -#}
{% macro origins_of_conversion(named, person_days, events) -%}
    {% if 2 in named.parts_by_days -%}
    select person_id as unit, epoch_us(min(first_event_at)) as at_us
    from {{ days_of_persons(person_days, named.scope) }}
    group by person_id
    {%- else -%}
    select unit, min(at_us) as at_us
    from {{ events }}
    where analysis = {{ quoted(named.name) }} and list_contains(parts, 2)
    group by unit
    {%- endif %}
{%- endmacro %}

{#- The conversions that sessions are credited with, as the engine takes them; money that is no whole number of minor units is an error. -#}
{% macro credited_conversions(named, events) -%}
    select
        unit,
        -- any number of its own does: nothing depends on which it is
        row_number() over () as conversion_id,
        at_us,
        {{ local_date('occurred_at') }} as conversion_date,
        case when amount <> round(amount) then error({{ quoted(
            "seeds/conversions.csv, conversion '" ~ named.name ~ "', column `value`: '" ~ named.value
            ~ "' is credited as money and must hold whole minor units, such as cents. Name such a property. Found: "
        ) }} || amount) else amount::bigint end as amount_cents
    from {{ events }}
    where analysis = {{ quoted(named.name) }} and list_contains(parts, 1) and not is_repeated
    {% if named.is_first_ever -%}
    qualify row_number() over (partition by unit order by occurred_at, event_id, app) = 1
    {%- endif %}
{%- endmacro %}

{#- The address of a page without its query and fragment, which tell visits of one page apart. -#}
{% macro page_of(address) -%}
    split_part(split_part({{ address }}, '?', 1), '#', 1)
{%- endmacro %}

{#- What the paths of the seed are sequences of: one row per item of a session. -#}
{% macro items_of_paths(session_events, named_paths) -%}
    {% for named in named_paths -%}
    select {{ quoted(named.name) }} as path, session_date, identity_key, unit * {{ named_paths | length }} + {{ loop.index0 }} as unit, at_us, event_id, {{ 'page' if named.item == 'page' else 'event_name' }} as item
    from {{ session_events }}
    where {{ 'page is not null' if named.item == 'page' else 'is_activity' }} and {{ 'true' if named.app is none else 'app = ' ~ quoted(named.app) }}
    {{ 'union all' if not loop.last }}
    {% else -%}
    select null::varchar as path, session_date, identity_key, unit, at_us, event_id, event_name as item from {{ session_events }} where false
    {% endfor %}
{%- endmacro %}

{#- The condition that an event may be an item of some path. -#}
{% macro is_on_a_path(named_paths) -%}
    (false
    {%- for named in named_paths %}
    or {{ 'is_page_view' if named.item == 'page' else 'is_activity' }}{{ '' if named.app is none else ' and app = ' ~ quoted(named.app) }}
    {%- endfor %})
{%- endmacro %}

{#- The condition that a link lies among the items that its path keeps; of n items the last has no link. -#}
{% macro is_within_steps(named_paths) -%}
    case path
        {% for named in named_paths -%}
        when {{ quoted(named.name) }} then step < {{ named.max_steps }}
        {% endfor -%}
        else false
    end
{%- endmacro %}
