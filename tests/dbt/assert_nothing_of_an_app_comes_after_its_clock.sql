-- A failing row is a row of an app that begins after the app's last event, or is complete though its period ends after it.
{%- set of_segments = [
    'fct_ces',
    'fct_charging_funnel',
    'fct_content_overview',
    'fct_csat',
    'fct_daily_operations',
    'fct_green_hour_utilization',
    'fct_growth_accounting',
    'fct_nps',
    'fct_revenue_overview',
    'fct_web_overview',
] -%}
{%- set of_apps = ['fct_content_performance', 'fct_creator_growth', 'fct_experiment_exposures', 'fct_station_utilization'] %}

with

rows_of_apps as (
    {% for mart in of_segments -%}
    select
        '{{ mart }}' as mart,
        segment_value as app,
        period,
        period_start,
        is_complete
    from {{ ref(mart) }}
    where segment = 'app'
    union all
    {% endfor %}
    {% for mart in of_apps -%}
    select
        '{{ mart }}' as mart,
        app,
        period,
        period_start,
        is_complete
    from {{ ref(mart) }}
    union all
    {% endfor %}
    select
        'fct_mrr_movements' as mart,
        segment_value as app,
        'month' as period,
        period_start,
        is_complete
    from {{ ref('fct_mrr_movements') }}
    where segment = 'app'
    union all
    select
        'fct_subscription_months' as mart,
        app,
        'month' as period,
        period_start,
        is_complete
    from {{ ref('fct_subscription_months') }}
    union all
    select
        'fct_customer_months' as mart,
        app,
        'month' as period,
        period_start,
        is_complete
    from {{ ref('fct_customer_months') }}
    union all
    -- money is spent when it is, also on an app that nobody has used yet or uses any more
    select
        'fct_channel_economics' as mart,
        segment_value as app,
        'month' as period,
        period_start,
        is_complete
    from {{ ref('fct_channel_economics') }}
    where segment = 'app' and (acquired_customers > 0 or is_complete)
    union all
    select
        'fct_active_persons' as mart,
        segment_value as app,
        'day' as period,
        activity_date as period_start,
        is_complete
    from {{ ref('fct_active_persons') }}
    where segment = 'app'
),

app_clocks as (
    select
        app,
        {{ local_timestamp('max(last_event_at)') }} as last_event_at
    from {{ ref('int_app_days') }}
    group by all
),

late_rows as (
    select rows_of_apps.*
    from rows_of_apps
    left join app_clocks using (app)
    left join {{ ref('dim_periods') }} as periods using (period, period_start)
    where
        -- what is told of all time has no period
        rows_of_apps.period in ('day', 'week', 'month')
        and not coalesce(period_start <= app_clocks.last_event_at and (periods.period_end <= app_clocks.last_event_at or not is_complete), false)
)

select * from late_rows
