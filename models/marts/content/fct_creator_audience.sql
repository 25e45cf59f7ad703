with

audience_days as (
    select distinct
        app,
        creator_id,
        person_id,
        day
    from {{ ref('int_content_reader_days') }}
    where person_id is not null and is_audience
),

-- the 30 days to the end of a month may begin in the month before
audience_months as (
    select
        audience_days.* exclude (app),
        audience_days.app as clock,
        unnest([months.period_start, months.period_end]) as period_start
    from audience_days
    inner join {{ ref('int_period_days') }} as months using (day)
    where months.period = 'month'
),

reader_months as (
    select
        clock as app,
        creator_id,
        person_id,
        period_start,
        is_complete,
        count(*) as active_days
    from audience_months
    inner join {{ ref('int_clock_periods') }} as months using (clock, period_start)
    where months.period = 'month' and day > least(months.period_end - 1, months.last_date) - 30
    group by all
),

segment_months as (
    select
        unnest(
            {{ standard_segments({'country': "coalesce(country, 'unknown')", 'device_type': "coalesce(device_type, 'unknown')"}) }},
            recursive := true
        ),
        reader_months.*,
        audience_kind(active_days, {{ setting('audience_regular_days') }}, {{ setting('audience_loyal_days') }}) as audience
    from reader_months
    left join {{ ref('int_person_origins') }} using (person_id)
),

creator_audience as (
    select
        'month' as period,
        period_start,
        app,
        creator_id,
        segment,
        segment_value,
        count(*) as audience_persons,
        count(case audience when 'casual' then 1 end) as casual_persons,
        count(case audience when 'regular' then 1 end) as regular_persons,
        count(case audience when 'loyal' then 1 end) as loyal_persons,
        loyal_persons / audience_persons as loyal_share,
        cast(sum(active_days) as double) / audience_persons as mean_active_days,
        is_complete
    from segment_months
    group by all
)

select * from creator_audience
