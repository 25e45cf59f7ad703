with

creator_months as (
    select * from {{ ref('int_content_periods') }}
    where level = 'creator' and period = 'month'
),

creator_revenue as (
    select
        'month' as period,
        period_start,
        app,
        creator_id,
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
    full join {{ ref('int_creator_forecasts') }} as forecasts using (app, creator_id, period_start)
)

select * from creator_revenue
