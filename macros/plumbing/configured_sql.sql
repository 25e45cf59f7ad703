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
            or {{ named.may_name }}
            {%- endfor %}

    ),

    picks as (

        {% for named in picking -%}
        select
            {{ quoted(named.kind) }} as kind,
            {{ quoted(named.name) }} as analysis,
            {{ named.is_whole }} as is_whole,
            app, event_id, event_date, occurred_at, identity_key,
            {{ named.unit }} as other_unit,
            list_filter(
                [
                    {%- for selector in named.selectors %}
                    {{ 'null' if loop.index in named.parts_by_days else 'case when ' ~ selector.condition ~ ' then ' ~ loop.index ~ ' end' }}
                    {{- ',' if not loop.last }}
                    {%- endfor %}
                ]::integer[],
                part -> part is not null
            ) as parts,
            {{ named.amount or 'null::decimal(38, 6)' }} as amount
        from named_events
        where {{ named.may_name }}
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

{#- The attempts of every funnel by its engine: of each unit as a whole (`total`) and by period, and what a unit was built from (`unit`). -#}
{% macro attempts_of_funnels(named_funnels, events, unit_contents) -%}
    {%- for named in named_funnels %}
    {%- set steps = named.steps | length %}
    select {{ quoted(named.name) }} as funnel, attempts.*
    from (
        with events_of_funnel as materialized (

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

        )

        select
            'unit' as period,
            unit,
            min(case when list_contains(steps, 1) then entry_period end) as period_start,
            null::bigint[] as times,
            any_value(contents.content_hash) as content_hash
        from events_of_funnel
        inner join {{ unit_contents }} as contents using (unit)
        where contents.funnel = {{ quoted(named.name) }}
        group by unit
        union all
        select 'total', unit, null, times, null
        from ({{ attempts_of_funnel('events_of_funnel', named, ['unit']) }})
        {% if named.trend -%}
        union all
        select '{{ named.trend }}', unit, entry_period, times, null
        from ({{ attempts_of_funnel('events_of_funnel', named, ['unit', 'entry_period']) }})
        {%- endif %}
    ) as attempts
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        null::varchar as funnel, null::varchar as period, null::varchar as unit, null::date as period_start, null::bigint[] as times,
        null::ubigint as content_hash
    from {{ events }}
    where false
    {%- endfor %}
{%- endmacro %}

{#- The steps of every funnel by its engine; a period in which nobody entered is a zero and not a hole. -#}
{% macro steps_of_funnels(named_funnels, attempts, clock_periods) -%}
    {%- for named in named_funnels %}
    select
        {{ quoted(named.name) }} as funnel,
        steps.*,
        [{% for step in named.steps %}{{ quoted(step.name) }}{{ ', ' if not loop.last }}{% endfor %}][step] as step_name,
        coalesce(periods.period_end + interval {{ named.window_seconds }} second <= periods.known_until, false) as is_complete
    from (
        with attempts as (

            select period, period_start, times from {{ attempts }}
            where funnel = {{ quoted(named.name) }} and period != 'unit'
            union all
            select 'total', null, null
            {% if named.trend -%}
            union all
            select period, period_start, null from {{ clock_periods }}
            where
                clock = {{ quoted(named.scope.app or '') }}
                and period = '{{ named.trend }}'
                and period_start >= (
                    select min(entered.period_start) from {{ attempts }} as entered
                    where entered.period = 'unit' and entered.funnel = {{ quoted(named.name) }}
                )
            {%- endif %}

        ),

        counts as (

            {{ funnel_steps('attempts', named.steps, named.optional_steps, ['period', 'period_start']) }}

        )

        select * from counts
    ) as steps
    left join {{ clock_periods }} as periods
        on periods.clock = {{ quoted(named.scope.app or '') }} and steps.period = periods.period and steps.period_start = periods.period_start
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        null::varchar as funnel, null::varchar as period, null::date as period_start, null::integer as step, null::bigint as users,
        null::double as conversion_rate, null::double as conversion_rate_from_previous, null::bigint as drop_off,
        null::double as avg_seconds_from_previous, null::double as median_seconds_from_previous, null::varchar as step_name,
        null::boolean as is_complete
    from {{ attempts }}
    where false
    {%- endfor %}
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

{#- Every retention by its engine: who of a cohort came back how many periods later, cohorts and periods by their numbers in the calendar. -#}
{% macro counted_retentions(named_retentions, person_days, events, periods, clocks) -%}
    {%- for named in named_retentions %}
    select {{ quoted(named.retention) }} as retention, '{{ named.period }}' as period, counted.*
    from (
        with calendar as (

            select * from {{ periods }}
            where period = '{{ named.period }}'

        ),

        start_events as (

            {{ events_of_retention(named, 1, person_days, events) }}

        ),

        starts as materialized (

            select unit, period_number as cohort, min(at_us) as anchor_us
            from start_events
            inner join calendar using (period_start)
            group by unit, period_number
            {% if named.is_first_time -%}
            qualify row_number() over (partition by unit order by period_number) = 1
            {%- endif %}

        ),

        return_events as (

            {{ events_of_retention(named, 2, person_days, events) }}

        ),

        returns as (

            {% if named.window == 'rolling_24h' -%}
            select unit, at_us as moment_us, 1 as events, amount from return_events
            {%- else -%}
            select unit, period_number as place, sum(events) as events, sum(amount) as amount
            from return_events
            inner join calendar using (period_start)
            group by all
            {%- endif %}

        ),

        cohort_cells as (

            select period_number as cohort, period_start, period_end, unnest(generate_series(0, {{ named.periods }})) as later
            from calendar
            where period_number in (select cohort from starts)

        ),

        -- the cells that have begun
        cells as (

            {% if named.window == 'calendar' -%}
            select cohort_cells.cohort, cohort_cells.later as period, calendar.period_end <= clocks.known_until as is_complete
            from cohort_cells
            inner join calendar on cohort_cells.cohort + cohort_cells.later = calendar.period_number
            inner join {{ clocks }} as clocks on clocks.app is not distinct from {{ quoted(named.scope.app) }}
            where calendar.period_start <= clocks.known_until
            {%- else -%}
            select cohort, later as period, period_end + (later + 1) * to_seconds({{ named.period_seconds }}) <= clocks.known_until as is_complete
            from cohort_cells
            inner join {{ clocks }} as clocks on clocks.app is not distinct from {{ quoted(named.scope.app) }}
            where period_start + later * to_seconds({{ named.period_seconds }}) <= clocks.known_until
            {%- endif %}

        ),

        counts as (

            {{ retention(
                'starts',
                'returns',
                'cells',
                measure=named.measure,
                window=named.window,
                period_us=named.period_seconds * 1000000,
                minimum_occurrences=named.minimum_occurrences,
            ) }}

        )

        select cohort, period as periods_later, units, rate, {{ 'cast(null as double)' if named.value is none else 'amount' }} as value, is_complete
        from counts
    ) as counted
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        null::varchar as retention, null::varchar as period, null::bigint as cohort, null::bigint as periods_later, null::bigint as units,
        null::double as rate, null::double as value, null::boolean as is_complete
    from {{ events }}
    where false
    {%- endfor %}
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
    from {{ person_days if is_by_days else events }}
    where
        {% if is_by_days -%}
        {{ 'true' if named.scope.app is none else 'app = ' ~ quoted(named.scope.app) }}
        {%- else -%}
        analysis = {{ quoted(named.name) }} and list_contains(parts, {{ part }})
        {%- endif %}
{%- endmacro %}

{#- Every conversion by its engine: in each period of its clock, how many of the active units converted. -#}
{% macro counted_conversions(named_conversions, person_days, events, period_days, clock_periods) -%}
    {%- for named in named_conversions %}
    {%- set is_of_app = 'true' if named.scope.app is none else 'app = ' ~ quoted(named.scope.app) %}
    select {{ quoted(named.name) }} as conversion, {{ quoted(named.scope.app or '') }} as clock, counted.*
    from (
        with active_days as (

            {% if 3 in named.parts_by_days -%}
            select distinct person_key as unit, activity_date as day from {{ person_days }}
            where is_active and {{ is_of_app }}
            {%- else -%}
            select distinct unit, {{ local_date('occurred_at') }} as day from {{ events }}
            where analysis = {{ quoted(named.name) }} and list_contains(parts, 3)
            {%- endif %}

        ),

        active as (

            select period, period_start, unit
            from active_days
            inner join {{ period_days }} as period_days using (day)

        ),

        conversion_days as (

            select unit, at_us, {{ local_date('occurred_at') }} as day from {{ events }}
            where analysis = {{ quoted(named.name) }} and list_contains(parts, 1) and not is_repeated

        ),

        converted as (

            select period, period_start, unit, at_us
            from conversion_days
            inner join {{ period_days }} as period_days using (day)

        ),

        -- from when on the time to convert runs
        origins as (

            {% if 2 in named.parts_by_days -%}
            select person_id as unit, epoch_us(min(first_event_at)) as at_us from {{ person_days }}
            where {{ is_of_app }}
            {%- else -%}
            select unit, min(at_us) as at_us from {{ events }}
            where analysis = {{ quoted(named.name) }} and list_contains(parts, 2)
            {%- endif %}
            group by all

        ),

        periods as (

            select period, period_start from {{ clock_periods }}
            where clock = {{ quoted(named.scope.app or '') }} and period_end > first_date

        ),

        counts as (

            {{ conversions('active', 'converted', 'origins', 'periods', ['period']) }}

        )

        select * from counts
    ) as counted
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        null::varchar as conversion, null::varchar as clock, null::varchar as period, null::date as period_start, null::bigint as units,
        null::bigint as converted, null::double as conversion_rate, null::double as median_seconds
    from {{ events }}
    where false
    {%- endfor %}
{%- endmacro %}

{#- The conversions that sessions are credited with, as the engine takes them; money that is no whole number of minor units is an error. -#}
{% macro credited_conversions(named, events) -%}
    select
        unit,
        -- any number of its own does: nothing depends on which it is
        row_number() over () as conversion_id,
        app as event_app,
        event_id,
        occurred_at,
        at_us,
        {{ local_date('occurred_at') }} as conversion_date,
        case when amount <> round(amount) then error({{ quoted(
            "seeds/conversions.csv, conversion '" ~ named.name ~ "', column `value`: '" ~ named.value
            ~ "' is credited as money and must hold whole minor units, such as cents. Name such a property. Found: "
        ) }} || amount) else amount::bigint end as amount_cents
    from (
        select * from {{ events }}
        where analysis = {{ quoted(named.name) }} and list_contains(parts, 1) and not is_repeated
        {% if named.is_first_ever -%}
        -- by their times first: to sort all of them by their ids is dear
        qualify occurred_at = min(occurred_at) over (partition by unit)
        {%- endif %}
    ) as conversions
    {% if named.is_first_ever -%}
    qualify row_number() over (partition by unit order by occurred_at, event_id, app) = 1
    {%- endif %}
{%- endmacro %}

{#- Every conversion's credits by its engine, with the sessions that they are given to. -#}
{% macro credited_sessions(named_conversions, events, sessions, models) -%}
    {%- for named in named_conversions if named.scope.unit in ['person', 'account'] %}
    select {{ quoted(named.name) }} as conversion, {{ quoted(named.scope.app) }}::varchar as app, credited.*
    from (
        with credited_conversions as materialized (

            {{ credited_conversions(named, events) }}

        ),

        touches as (

            select {{ named.scope.unit }}_id as unit, session_id as touch_id, epoch_us(started_at) as at_us, channel = 'Direct' as is_direct
            from {{ sessions }}
            where is_visit and {{ named.scope.unit }}_id in (select unit from credited_conversions)

        ),

        credits as (

            {{ attribution(
                'touches',
                'credited_conversions',
                models,
                lookback_us=named.lookback_days * 86400000000,
                half_life_us=named.half_life_days * 86400000000,
            ) }}

        )

        select
            credited_conversions.event_app,
            credited_conversions.event_id,
            credited_conversions.unit as unit_id,
            credited_conversions.occurred_at as converted_at,
            credited_conversions.conversion_date,
            credited_conversions.amount_cents as conversion_cents,
            date_trunc('month', credited_conversions.conversion_date)::date as period_start,
            sessions.session_id,
            sessions.started_at,
            credits.model,
            coalesce(sessions.channel, 'Direct') as channel,
            sessions.traffic_source,
            sessions.traffic_medium,
            sessions.utm_campaign,
            sessions.entry_page,
            credits.credit,
            credits.amount_cents
        from credits
        inner join credited_conversions using (conversion_id)
        left join {{ sessions }} as sessions on credits.touch_id = sessions.session_id
    ) as credited
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        null::varchar as conversion, null::varchar as app, null::varchar as event_app, null::varchar as event_id, null::varchar as unit_id,
        null::timestamp as converted_at, null::date as conversion_date, null::bigint as conversion_cents, null::date as period_start,
        null::varchar as session_id, null::timestamp as started_at, null::varchar as model, null::varchar as channel, null::varchar as traffic_source,
        null::varchar as traffic_medium, null::varchar as utm_campaign, null::varchar as entry_page, null::decimal(13, 12) as credit,
        null::bigint as amount_cents
    from {{ events }}
    cross join {{ sessions }}
    where false
    {%- endfor %}
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
