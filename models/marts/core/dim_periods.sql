with

period_days as (select * from {{ ref('int_period_days') }}),

periods as (
    select distinct
        period,
        period_start,
        period_end,
        period_number
    from period_days
)

select * from periods
