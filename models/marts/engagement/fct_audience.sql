with

person_segments as (select * from {{ ref('fct_person_segments') }}),

persons as (select * from {{ ref('dim_persons') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

-- month ends, and the day that the data of an app or of all reach
audience_dates as (
    select
        clocks.app as clock,
        least(last_day(months.month_start_date), clocks.last_date) as audience_date
    from clocks
    cross join unnest(generate_series(date_trunc('month', clocks.first_date), clocks.last_date, interval 1 month)) as months (month_start_date)
),

-- a stretch counts on the dates from the first that it reaches to the last before the first after it
stretches as (
    select
        clocks.app as clock,
        persons.first_app as app,
        coalesce(persons.first_country, 'unknown') as country,
        coalesce(persons.first_device_type, 'unknown') as device_type,
        persons.first_channel as channel,
        person_segments.segment as person_segment,
        least(last_day(person_segments.valid_from_date), clocks.last_date) as entered_date,
        case
            when person_segments.valid_to_date < clocks.last_date then least(last_day(person_segments.valid_to_date + 1), clocks.last_date)
        end as left_date,
        count(*) as persons
    from person_segments
    inner join persons
        on person_segments.person_id = persons.person_id
    inner join clocks
        on (clocks.app is null or persons.first_app = clocks.app) and person_segments.valid_from_date <= clocks.last_date
    group by all
    having entered_date is distinct from left_date
),

segment_stretches as (
    {% for segment in ['all', 'app', 'country', 'device_type', 'channel'] -%}
    select
        '{{ segment }}' as segment,
        {{ "'all'" if segment == 'all' else segment }} as segment_value,
        clock,
        person_segment,
        entered_date,
        left_date,
        persons
    from stretches
    where clock is {{ 'not null' if segment == 'app' else 'null' }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

segment_starts as (
    select
        segment,
        segment_value,
        clock,
        min(entered_date) as first_date
    from segment_stretches
    group by segment, segment_value, clock
),

-- a segment is counted from the first date on which it has somebody, so that none is a zero and not a hole
counted_dates as (
    select
        segment_starts.segment,
        segment_starts.segment_value,
        unnest(['NEW', 'POWER', 'ACTIVE', 'AT_RISK', 'CHURNED']) as person_segment,
        audience_dates.audience_date
    from segment_starts
    inner join audience_dates
        on segment_starts.clock is not distinct from audience_dates.clock and segment_starts.first_date <= audience_dates.audience_date
),

changes as (
    select
        segment,
        segment_value,
        person_segment,
        entered_date as audience_date,
        persons
    from segment_stretches
    union all
    select
        segment,
        segment_value,
        person_segment,
        left_date as audience_date,
        -persons as persons
    from segment_stretches
    where left_date is not null
    union all
    select
        segment,
        segment_value,
        person_segment,
        audience_date,
        0 as persons
    from counted_dates
),

changes_by_date as (
    select
        segment,
        segment_value,
        person_segment,
        audience_date,
        sum(persons) as persons
    from changes
    group by all
),

audience as (
    select
        changes_by_date.segment,
        changes_by_date.segment_value,
        changes_by_date.audience_date,
        changes_by_date.person_segment,
        cast(sum(changes_by_date.persons) over (
            partition by changes_by_date.segment, changes_by_date.segment_value, changes_by_date.person_segment
            order by changes_by_date.audience_date
        ) as bigint) as persons,
        changes_by_date.audience_date < clocks.last_date as is_complete
    from changes_by_date
    inner join clocks
        on clocks.app is not distinct from case when changes_by_date.segment = 'app' then changes_by_date.segment_value end
)

select * from audience
