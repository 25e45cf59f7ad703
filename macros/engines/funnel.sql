{#-
    Attempts at a sequence of steps. In order they are a chain of ASOF joins: each event of step k continues the attempt that most
    recently reached the step before it. In any order each event opens an attempt, which takes the next events of every step. Nothing is
    joined with more than one row, so a unit with very many events costs no more than its events.
-#}
{%- macro funnel(events, steps, window_us, order='ordered', optional=[], exclusions=[], exclusion_events=none, per=['unit'], selectors=[], has_breakdowns=true) %}
    {#- events of one time and step are alike where no event has two steps and nothing asks which one it was -#}
    {%- set own_names = selectors | map('first') | select | unique | list | length == steps -%}
    {%- set is_by_time = order == 'ordered' and own_names and not (optional or has_breakdowns or 'entry_position' in per) -%}
    with positioned_events as (

        select
            *
            {%- if not is_by_time %},
            -- equal times are taken in step order, then by the event's id
            row_number() over (
                partition by unit order by at_us, coalesce(steps[1], 1000), coalesce(steps[-1], 1000), event_id
            ) as position
            {%- endif %}
        from {{ events }}

    ),

    {% if order == 'unordered' -%}
    {{ unordered_attempts(selectors, window_us) }}
    {%- else -%}
    {{ ordered_attempts(steps, window_us, order, optional, per, has_breakdowns, is_by_time, exclusions | length > 0) }}
    {%- endif %}

    {% if exclusions -%}
    {% for exclusion in exclusions -%}
    exclusion_{{ loop.index }} as (

        select unit, at_us as excluded_us from {{ exclusion_events }} where list_contains(exclusions, {{ loop.index }})

    ),

    {% endfor -%}
    unspoiled_attempts as (

        select attempts.*
        from attempts
        {% for exclusion in exclusions -%}
        asof left join exclusion_{{ loop.index }}
            on
                attempts.unit = exclusion_{{ loop.index }}.unit
                and attempts.times[{{ exclusion.from_step }}] < exclusion_{{ loop.index }}.excluded_us
        {% endfor -%}
        where
            {%- for exclusion in exclusions %}
            {{ 'and ' if not loop.first }}not coalesce(
                exclusion_{{ loop.index }}.excluded_us <= attempts.entry_us + {{ window_us }}
                and (
                    attempts.times[{{ exclusion.to_step }}] is null
                    or exclusion_{{ loop.index }}.excluded_us < attempts.times[{{ exclusion.to_step }}]
                ), false
            )
            {%- endfor %}

    ),

    {% endif -%}
    first_attempts as (

        select * from {{ 'unspoiled_attempts' if exclusions else 'attempts' }}
        {%- if exclusions or order == 'unordered' %}
        qualify row_number() over (partition by {{ per | join(', ') }} order by step desc, position, entry_position) = 1
        {%- endif %}

    )

    select * exclude (position) from first_attempts
{%- endmacro -%}

{#- Until few attempts are left, their times and values stay in columns: lists of them are what would cost. -#}
{%- macro ordered_attempts(steps, window_us, order, optional, per, has_breakdowns, is_by_time, is_spoilable) -%}
    single_steps as materialized (

        select
            unit, at_us, {{ 'position, ' if not is_by_time }}is_entry, entry_period,{{ ' breakdown,' if has_breakdowns }} unnest(steps) as step
        from positioned_events

    ),

    reached_1 as (

        select
            unit, at_us as at_us_1, entry_period
            {%- if not is_by_time %}, position, position as entry_position{% endif %}{% if has_breakdowns %}, breakdown as value_1{% endif %}
        from single_steps
        where step = 1 and is_entry

    ),

    {% for step in range(2, steps + 1) -%}
    {#- the attempt may come from the last required step or any optional one after it -#}
    {%- set sources = [step - 1] -%}
    {%- for before in range(step - 2, 0, -1) if sources[-1] in optional and sources[-1] == before + 1 -%}
    {%- do sources.append(before) -%}
    {%- endfor -%}
    {% if sources | length > 1 -%}
    continuable_{{ step }} as (

        {% for source in sources -%}
        select
            *,
            {% for left_out in range(source + 1, step) -%}
            null::bigint as at_us_{{ left_out }},
            {% if has_breakdowns %}null::varchar as value_{{ left_out }},{% endif %}
            {% endfor -%}
            position * 100 + {{ source }} as reach_order
        from reached_{{ source }}
        {{ 'union all by name' if not loop.last }}
        {% endfor %}
    ),

    {% endif -%}
    reached_{{ step }} as (

        select
            attempts.*{% if not is_by_time %} exclude (position{{ ', reach_order' if sources | length > 1 }}), next_events.position{% endif %},
            next_events.at_us as at_us_{{ step }}{% if has_breakdowns %}, next_events.breakdown as value_{{ step }}{% endif %}
        from (select * from single_steps where step = {{ step }}) as next_events
        asof join {{ 'continuable_' ~ step if sources | length > 1 else 'reached_' ~ (step - 1) }} as attempts
            on
                next_events.unit = attempts.unit
                {% if is_by_time -%}
                and next_events.at_us >= attempts.at_us_{{ step - 1 }}
                {%- elif sources | length > 1 -%}
                and next_events.position * 100 > attempts.reach_order
                {%- else -%}
                and next_events.position > attempts.position
                {%- endif %}
        where
            next_events.at_us <= attempts.at_us_1 + {{ window_us }}
            {% if order == 'strict' -%}
            and next_events.position = attempts.position + 1
            {%- endif %}

    ),

    {% endfor -%}
    reached_steps as (

        {% for step in range(1, steps + 1) -%}
        select *, {{ step }} as step{% if is_by_time %}, at_us_{{ step }} as position, at_us_1 as entry_position{% endif %} from reached_{{ step }}
        {{ 'union all by name' if not loop.last }}
        {% endfor %}
    ),

    -- so few are left that they can be put in order
    furthest_steps as (

        select reached_steps.*
        from reached_steps
        inner join (select {{ per | join(', ') }}, max(step) as step from reached_steps group by all) as furthest
            on reached_steps.step = furthest.step{% for column in per %} and reached_steps.{{ column }} is not distinct from furthest.{{ column }}{% endfor %}
        {%- if not is_spoilable %}
        qualify row_number() over (partition by {% for column in per %}reached_steps.{{ column }}{{ ', ' if not loop.last }}{% endfor %} order by reached_steps.position, reached_steps.entry_position) = 1
        {%- endif %}

    ),

    attempts as (

        select
            unit,
            position,
            step,
            at_us_1 as entry_us,
            entry_period,
            entry_position,
            [{% for step in range(1, steps + 1) %}at_us_{{ step }}{{ ', ' if not loop.last }}{% endfor %}][:step] as times
            {%- if has_breakdowns %},
            [{% for step in range(1, steps + 1) %}value_{{ step }}{{ ', ' if not loop.last }}{% endfor %}][:step] as breakdowns
            {%- endif %}
        from furthest_steps

    ),
{%- endmacro -%}

{#-
    One event fills one step only, so as many steps are filled as can be matched with events of their own. By Hall's theorem these are
    n - |A| + (events of A), for the set A of steps for which that is least: k steps are filled when every A larger than n - k has its
    (k - n + |A|)th event. Steps that cannot share an event are apart; those alike are one; those of any event hold all others.
-#}
{%- macro unordered_attempts(selectors, window_us) -%}
    {%- set arrival = "{'position': position, 'at_us': at_us, 'breakdown': breakdown::varchar}" -%}
    {%- set never = "{'position': 9223372036854775807, 'at_us': 9223372036854775807, 'breakdown': null::varchar}" -%}
    {%- set any_event = [] -%}
    {%- set is_mixed = selectors | selectattr(0, 'none') | selectattr(1, 'ne', '') | list | length > 0 -%}
    {%- set groups = {} -%}
    {%- for selector in selectors -%}
    {%- set number = loop.index -%}
    {%- if selector[0] is none and selector[1] == '' -%}
    {%- do any_event.append(number) -%}
    {%- else -%}
    {%- set classes = groups.setdefault('' if is_mixed else selector[0], {}) -%}
    {%- do classes.setdefault((selector[0], selector[1]), []).append(number) -%}
    {%- endif -%}
    {%- endfor -%}
    {#- every set of steps whose events are looked for: (name, steps); and where a group is more than one class, its sets -#}
    {%- set searched = [['arrivals_of_any', range(1, selectors | length + 1) | list]] if any_event else [] -%}
    {%- set arrivals_of_groups = [] -%}
    {%- for group, classes in groups.items() -%}
    {%- set name = 'arrivals_' ~ loop.index -%}
    {%- set class_steps = classes.values() | list -%}
    {%- set sets = [] -%}
    {%- for mask in range(1, 2 ** (class_steps | length)) -%}
    {%- set members = [] -%}
    {%- for steps_alike in class_steps -%}
    {%- do members.extend(steps_alike if mask // 2 ** loop.index0 % 2 else []) -%}
    {%- endfor -%}
    {%- do sets.append([name ~ '_' ~ mask, members]) -%}
    {%- endfor -%}
    {%- do searched.extend(sets) -%}
    {%- set size = class_steps | sum(start=[]) | length -%}
    {%- for filled in range(1, size + 1) -%}
    {%- set waits = [] -%}
    {%- for set_name, members in sets if filled - size + members | length > 0 -%}
    {%- do waits.append('coalesce(' ~ set_name ~ '.arrivals[' ~ (filled - size + members | length) ~ '], ' ~ never ~ ')') -%}
    {%- endfor -%}
    {%- do arrivals_of_groups.append('greatest(' ~ waits | join(', ') ~ ')' if waits | length > 1 else waits[0]) -%}
    {%- endfor -%}
    {%- endfor -%}
    {% for name, members in searched -%}
    {{ name }} as (

        select
            unit,
            position,
            [
                {{ arrival }}{% for later in range(1, members | length) %},
                lead({{ arrival }}, {{ later }}) over in_order{% endfor %}
            ] as arrivals
        from positioned_events
        {%- if name != 'arrivals_of_any' %}
        where list_has_any(steps, {{ members }})
        {%- endif %}
        window in_order as (partition by unit order by position)

    ),

    {% endfor -%}
    openings as (

        select
            openings.unit,
            openings.position as entry_position,
            openings.at_us as entry_us,
            openings.entry_period,
            {% if any_event -%}
            arrivals_of_any.arrivals as arrivals_of_any,
            {% endif -%}
            list_sort([{{ arrivals_of_groups | join(', ') }}]::struct(position bigint, at_us bigint, breakdown varchar)[]) as arrivals
        from (select * from positioned_events where is_entry) as openings
        {%- for name, _ in searched %}
        asof left join {{ name }}
            on openings.unit = {{ name }}.unit and openings.position <= {{ name }}.position
        {%- endfor %}

    ),

    filled_openings as (

        select
            * exclude (arrivals{{ ', arrivals_of_any' if any_event }}),
            list_filter(
                {% if any_event -%}
                [
                    {% for filled in range(1, selectors | length + 1) -%}
                    {%- set own = 'coalesce(arrivals_of_any[' ~ filled ~ '], ' ~ never ~ ')' -%}
                    {{ own if filled <= any_event | length else 'greatest(' ~ own ~ ', arrivals[' ~ (filled - any_event | length) ~ '])' }}{{ ', ' if not loop.last }}
                    {% endfor %}
                ],
                {%- else -%}
                arrivals,
                {%- endif %}
                lambda arrival: arrival.at_us <= entry_us + {{ window_us }}
            ) as arrivals
        from openings

    ),

    attempts as (

        select
            unit,
            arrivals[-1].position as position,
            len(arrivals) as step,
            entry_us,
            entry_period,
            entry_position,
            list_transform(arrivals, lambda arrival: arrival.at_us) as times,
            list_transform(arrivals, lambda arrival: arrival.breakdown) as breakdowns
        from filled_openings

    ),
{%- endmacro -%}

{%- macro funnel_steps(attempts, names, optional=[], by=[]) %}
    with step_times as (

        select
            {{ columns_before(by) }}
            unnest(generate_series(1, {{ names | length }})) as step,
            times::bigint[] as times,
            times[unnest(generate_series(1, {{ names | length }}))] as reached_us
        from {{ attempts }}
        {%- if not by %}
        union all
        select unnest(generate_series(1, {{ names | length }})), null, null
        {%- endif %}

    ),

    step_seconds as (

        select
            {{ columns_before(by) }}step,
            reached_us,
            -- whole microseconds, so that no average depends on the order in which they are added
            reached_us - list_max(times[:step - 1]) as us_from_previous
        from step_times

    ),

    counts as (

        select
            {{ columns_before(by) }}step,
            count(reached_us)::bigint as users,
            avg(us_from_previous) / 1000000 as avg_seconds_from_previous,
            median(us_from_previous) / 1000000 as median_seconds_from_previous,
            not list_contains([{{ optional | join(', ') }}]::bigint[], step) as is_required
        from step_seconds
        group by all

    ),

    counts_with_previous as (

        select
            *,
            first_value(users) over in_order as entered,
            last_value(case when is_required then users end ignore nulls) over before as previous_users
        from counts
        window
            in_order as ({% if by %}partition by {{ by | join(', ') }} {% endif %}order by step),
            before as ({% if by %}partition by {{ by | join(', ') }} {% endif %}order by step rows between unbounded preceding and 1 preceding)

    )

    select
        {{ columns_before(by) }}step,
        users,
        users / nullif(entered, 0) as conversion_rate,
        users / nullif(previous_users, 0) as conversion_rate_from_previous,
        (previous_users - users)::bigint as drop_off,
        avg_seconds_from_previous,
        median_seconds_from_previous
    from counts_with_previous
{%- endmacro -%}
