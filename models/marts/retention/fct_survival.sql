with

-- of a customer with several subscriptions the last one that ends is the end; the running month has lost nobody yet
subscription_stays as (
    select
        app,
        channel,
        min(case when closing_mrr_cents > 0 then period_start end) as first_paid_month,
        min(case when movement = 'churn' then period_start end) as lost_month,
        coalesce(lost_month, max(period_start)) as last_month
    from {{ ref('fct_customer_months') }}
    where is_complete
    group by app, customer_id, channel
    having first_paid_month is not null
),

subscription_segments as (
    select
        unnest({{ standard_segments({'app': 'app', 'channel': 'channel'}) }}, recursive := true),
        *
    from subscription_stays
),

lifetimes as (
    select
        'subscription' as kind,
        'month' as age_unit,
        segment,
        segment_value,
        cast(date_diff('month', first_paid_month, last_month) as integer) as age,
        count(lost_month) as lost,
        count(*) - count(lost_month) as censored
    from subscription_segments
    group by all
    union all by name
    select
        'activity' as kind,
        'day' as age_unit,
        *
    from {{ ref('int_activity_lifetimes') }}
),

curves as (
    {{ kaplan_meier('lifetimes', ['kind', 'age_unit', 'segment', 'segment_value']) | indent(4) }}
),

-- the age by which half have left, and its 95 % interval by that of the curve (Brookmeyer and Crowley)
medians as (
    select
        kind,
        segment,
        segment_value,
        -- a half that a product of fractions misses by its last bit is one
        min(case when survival <= 0.500000000001 then age end) as median_age,
        min(case when coalesce(survival_lower, survival) <= 0.500000000001 then age end) as median_age_lower,
        min(case when coalesce(survival_upper, survival) <= 0.500000000001 then age end) as median_age_upper
    from curves
    group by all
),

survival as (
    select *
    from curves
    inner join medians using (kind, segment, segment_value)
)

select * from survival
