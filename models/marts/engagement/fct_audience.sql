with

-- who enters or leaves a person segment on a day: one row for all who came alike
changes as (
    select
        persons.first_app as app,
        coalesce(persons.first_country, 'unknown') as country,
        coalesce(persons.first_device_type, 'unknown') as device_type,
        persons.first_channel as channel,
        stretches.segment as person_segment,
        unnest([stretches.valid_from_date, stretches.valid_to_date + 1]) as change_date,
        unnest([1, -1]) as persons
    from {{ ref('fct_person_segments') }} as stretches
    inner join {{ ref('dim_persons') }} as persons using (person_id)
),

changes_of_days as (
    select
        * exclude (persons),
        sum(persons) as persons
    from changes
    where change_date is not null
    group by all
),

segment_changes as (
    select
        unnest({{ standard_segments({'app': 'app', 'country': 'country', 'device_type': 'device_type', 'channel': 'channel'}) }}, recursive := true),
        person_segment,
        change_date,
        persons
    from changes_of_days
),

-- nothing is said of an app beyond the day that its own data reach
changes_of_months as (
    select
        changes.segment,
        changes.segment_value,
        changes.clock,
        changes.person_segment,
        months.period_start,
        sum(changes.persons) as persons
    from segment_changes as changes
    inner join {{ ref('int_clock_periods') }} as months
        on changes.clock = months.clock and changes.change_date >= months.period_start and changes.change_date < months.period_end
    where months.period = 'month' and changes.change_date <= months.last_date
    group by all
),

segments as (
    select
        segment,
        segment_value,
        clock,
        min(period_start) as first_month
    from changes_of_months
    group by all
),

-- from the first date on which a segment has somebody, so that none is a zero and not a hole
segment_months as (
    select
        segments.segment,
        segments.segment_value,
        months.period_start,
        least(months.period_end - 1, months.last_date) as audience_date,
        unnest(['NEW', 'POWER', 'ACTIVE', 'AT_RISK', 'CHURNED']) as person_segment,
        months.is_complete
    from segments
    inner join {{ ref('int_clock_periods') }} as months using (clock)
    where months.period = 'month' and months.period_start >= segments.first_month
),

audience as (
    select
        segment,
        segment_value,
        audience_date,
        person_segment,
        cast(sum(coalesce(changes_of_months.persons, 0)) over (
            partition by segment, segment_value, person_segment order by audience_date
        ) as bigint) as persons,
        is_complete
    from segment_months
    left join changes_of_months using (segment, segment_value, period_start, person_segment)
)

select * from audience
