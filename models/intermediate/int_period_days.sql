with

clocks as (select * from {{ ref('int_data_clocks') }}),

-- what is told of the time before the first event, or spent before it, has its days too
told_days as (
    select {{ local_date('effective_at') }} as day from {{ ref('int_money_events') }} where money_event like 'subscription%'
    union all
    select spend_date as day from {{ ref('int_channel_spend') }}
),

days as (
    select cast(unnest(generate_series(least(first_date, (select min(day) from told_days)), last_date, interval 1 day)) as date) as day
    from clocks
    where app is null
),

starts as (
    select
        'day' as period,
        day,
        day as period_start,
        interval 1 day as length
    from days
    union all
    select
        'week' as period,
        day,
        {{ period_start('day', 'week', setting('week_start')) }} as period_start,
        interval 7 day as length
    from days
    union all
    select
        'month' as period,
        day,
        {{ period_start('day', 'month') }} as period_start,
        interval 1 month as length
    from days
),

period_days as (
    select
        day,
        period,
        period_start,
        cast(period_start + length as date) as period_end,
        dense_rank() over (partition by period order by period_start) as period_number
    from starts
)

select * from period_days
