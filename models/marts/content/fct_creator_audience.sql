with

content_reader_days as (
    select * from {{ ref('int_content_reader_days') }}
    where person_id is not null and is_audience
),

person_origins as (select * from {{ ref('int_person_origins') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

audience_days as (
    select distinct
        app,
        creator_id,
        person_id,
        day
    from content_reader_days
),

-- the 30 days to the end of a month may begin in the month before
months_of_days as (
    select
        audience_days.app,
        audience_days.creator_id,
        audience_days.person_id,
        audience_days.day,
        clocks.last_date,
        clocks.known_until,
        unnest([cast(date_trunc('month', audience_days.day) as date), last_day(audience_days.day) + 1]) as period_start
    from audience_days
    inner join clocks
        on audience_days.app = clocks.app
),

reader_months as (
    select
        app,
        creator_id,
        person_id,
        period_start,
        last_day(period_start) + 1 <= any_value(known_until) as is_complete,
        count(*) as active_days
    from months_of_days
    where period_start <= last_date and day > least(last_day(period_start), last_date) - 30
    group by app, creator_id, person_id, period_start
),

segment_months as (
    select
        unnest(
            {{ standard_segments({
                'country': "coalesce(person_origins.country, 'unknown')",
                'device_type': "coalesce(person_origins.device_type, 'unknown')",
            }) }},
            recursive := true
        ),
        reader_months.app,
        reader_months.creator_id,
        reader_months.period_start,
        reader_months.active_days,
        reader_months.is_complete,
        {{ audience_kind('reader_months.active_days') }} as audience
    from reader_months
    left join person_origins
        on reader_months.person_id = person_origins.person_id
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
        count(case audience when 'loyal' then 1 end) / count(*) as loyal_share,
        cast(sum(active_days) as double) / count(*) as mean_active_days,
        is_complete
    from segment_months
    group by period_start, app, creator_id, segment, segment_value, is_complete
)

select * from creator_audience
