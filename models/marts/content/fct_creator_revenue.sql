with

creator_months as (
    select * from {{ ref('int_content_periods') }}
    where level = 'creator' and period = 'month'
),

forecasts as (select * from {{ ref('int_creator_forecasts') }}),

creator_revenue as (
    select
        'month' as period,
        coalesce(creator_months.period_start, forecasts.period_start) as period_start,
        coalesce(creator_months.app, forecasts.app) as app,
        coalesce(creator_months.creator_id, forecasts.creator_id) as creator_id,
        creator_months.revenue_cents,
        forecasts.expected_cents,
        forecasts.lower_cents,
        forecasts.upper_cents,
        forecasts.history_months,
        forecasts.backtest_error_cents,
        forecasts.backtest_naive_error_cents,
        forecasts.backtest_months_inside,
        forecasts.fault,
        forecasts.creator_id is not null as is_forecast,
        coalesce(creator_months.is_complete, false) as is_complete
    from creator_months
    full join forecasts
        on
            creator_months.app = forecasts.app
            and creator_months.creator_id = forecasts.creator_id
            and creator_months.period_start = forecasts.period_start
)

select * from creator_revenue
