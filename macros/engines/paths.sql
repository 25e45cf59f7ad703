{#-
    Ordered sequences of items, as links from one item to the next. Events are sorted once to find where a path breaks and where its
    item changes, and only the arrivals that remain, often several times fewer, are numbered.

    Events of one moment stand in the order of their ids. Where repeats collapse, an item counts once in a moment, at the first of its ids there:
    A, B and A at one time are A and then B, because nobody saw the way back. Few units have such a moment, and only these are ordered again.
-#}

{%- macro path_links(events, gap_us=none, start=none, end=none, max_steps=none, collapse_repeats=true, dropoff=false, count_from='start', by=[], of_unit=[], anchor='first', is_whole=false) %}
    {%- set unit = (by + ['unit']) | join(', ') %}
    {%- set kept = columns_before(by + of_unit) %}
    {%- set is_one_path = gap_us is none and start is none %}
    {%- set is_every = anchor == 'every' %}
    {#- what is one path: of every anchor its own -#}
    {%- set path = unit ~ ', path_number' ~ (', anchor_position' if is_every else '') %}
    {%- set takes_the_last_steps = count_from == 'end' or (end is not none and start is none) %}
    with ordered_{{ 'events' if collapse_repeats else 'items' }} as (

        select
            {{ kept }}unit,
            at_us,
            item,
            row_number() over in_order as place,
            lag(at_us) over in_order as previous_us,
            lag(item) over in_order as previous_item
        from {{ events }}
        window in_order as (partition by {{ unit }} order by at_us, event_id)

    ),

    {% if collapse_repeats -%}
    -- an item can only come back within a moment in which the item changes twice
    mingled_units as (

        select distinct {{ unit }}
        from (
            select {{ unit }}
            from ordered_events
            where at_us = previous_us and item <> previous_item
            group by {{ unit }}, at_us
            having count(*) > 1
        ) as mingled_moments

    ),

    items_of_moments as (

        select {{ kept }}unit, at_us, item, min(place) as place
        from ordered_events
        inner join mingled_units using ({{ unit }})
        group by all

    ),

    ordered_items as (

        select * from ordered_events anti join mingled_units using ({{ unit }})
        union all by name
        select *, lag(at_us) over in_order as previous_us, lag(item) over in_order as previous_item
        from items_of_moments
        window in_order as (partition by {{ unit }} order by place)

    ),

    {% endif -%}
    items as (

        select *, previous_us is null{% if gap_us is not none %} or at_us - previous_us > {{ gap_us }}{% endif %} as is_first
        from ordered_items

    ),

    arrivals as (

        select
            {{ kept }}unit,
            at_us,
            item,
            row_number() over in_order as position,
            -- a windowed count with a filter would read a long path again at every row
            {{ '1' if is_one_path else 'count(case when is_first then 1 end) over in_order' }} as path_number,
            lead(item) over in_order as next_item,
            lead(at_us) over in_order as next_us,
            coalesce(lead(is_first) over in_order, true) as is_last
        from items
        {%- if collapse_repeats %}
        where is_first or item <> previous_item
        {%- endif %}
        window in_order as (partition by {{ unit }} order by place)

    ),

    {% if is_every -%}
    -- the items from each start on, or up to each end, by their places: no pair of items is tried
    anchors as (

        select
            {{ unit }},
            path_number,
            position as anchor_position,
            position {{ '-' if start is none else '+' }} unnest(range({{ max_steps }})) as position
        from arrivals
        where item = {{ end if start is none else start }}

    ),

    anchored_arrivals as (

        select arrivals.*, anchor_position
        from anchors
        inner join arrivals using ({{ unit }}, path_number, position)

    ),

    {% endif -%}
    paths_from_start as (

        {% if is_every -%}
        select *, {{ 'anchor_position' if start is not none else 'min(position) over (partition by ' ~ path ~ ')' }} as start_position
        from anchored_arrivals
        {%- elif is_one_path -%}
        select *, 1 as start_position from arrivals
        {%- else -%}
        select *, min(position) {% if start is not none %}filter (where item = {{ start }}) {% endif %}over path as start_position
        from arrivals
        window path as (partition by {{ unit }}, path_number)
        {%- endif %}

    ),

    paths_to_end as (

        select
            *,
            {% if is_every and start is none -%}
            anchor_position as end_position
            {%- elif end is not none -%}
            min(position) filter (where item = {{ end }} and position {{ '>=' if start is none else '>' }} start_position) over path as end_position
            {%- elif takes_the_last_steps -%}
            max(position) over path as end_position
            {%- else -%}
            null::bigint as end_position
            {%- endif %}
        from paths_from_start
        {%- if (takes_the_last_steps or end is not none) and not (is_every and start is none) %}
        window path as (partition by {{ path }})
        {%- endif %}

    ),

    kept_paths as (

        select
            * exclude (start_position),
            {% if takes_the_last_steps and max_steps is not none -%}
            -- no `greatest`, which would pass over a start that is missing
            case when end_position - start_position >= {{ max_steps }} then end_position - {{ max_steps - 1 }} else start_position end as start_position
            {%- else -%}
            start_position
            {%- endif %}
        from paths_to_end

    ),

    {% if is_whole -%}
    links as (

        select {{ kept }}unit, list(item order by position) as items, max(at_us) - min(at_us) as duration_us
        from kept_paths
        where
            position >= start_position
            {%- if end is not none %}
            and position <= end_position
            {%- endif %}
            {%- if max_steps is not none %}
            and position - start_position < {{ max_steps }}
            {%- endif %}
        group by {{ kept }}{{ path }}

    )
    {%- else -%}
    links as (

        select
            {{ kept }}unit,
            path_number,
            {{ 'position - end_position' if count_from == 'end' else 'position - start_position + 1' }} as step,
            item as source,
            case when not is_last then next_item end as target,
            case when not is_last then next_us - at_us end as duration_us
        from kept_paths
        where
            position >= start_position
            {%- if end is not none %}
            and position < end_position
            {%- endif %}
            {%- if not dropoff %}
            and not is_last
            {%- endif %}
            {%- if max_steps is not none %}
            and position - start_position + 1 < {{ max_steps }}
            {%- endif %}

    )
    {%- endif %}

    select * from links
{%- endmacro -%}

{%- macro paths(links, by=[], gathered=none) %}
    -- microseconds are added as integers, so that no order of the rows changes an average
    select
        {{ columns_before(by) }}step,
        source,
        target,
        count(*)::bigint as paths,
        count(distinct unit)::bigint as units,
        sum(duration_us) / count(*) / 1000000 as avg_seconds,
        median(duration_us) / 1000000 as median_seconds
        {%- if gathered is not none %},
        -- most links of a long tail have one row, and a set of one needs neither sorting nor a table of its own
        case
            when count(*) = 1 then list({{ gathered }}) else list_sort(list_distinct(list({{ gathered }})))
        end as gathered
        {%- endif %}
    from {{ links }}
    group by {{ columns_before(by) }}step, source, target
{%- endmacro -%}
