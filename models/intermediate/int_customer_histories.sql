with

payments as (
    select * from {{ ref('int_payments') }}
    -- a subscription renews itself: what is bought by decision is what can be predicted from it
    where person_id is not null and subscription_id is null and status = 'completed'
),

-- several payments of a day are one purchase; money is the sum of all, refunds on their own day
customer_days as (
    select
        app,
        person_id,
        payment_date,
        bool_or(kind = 'payment' and revenue_cents > 0) as is_purchase,
        cast(sum(revenue_cents) as bigint) as revenue_cents
    from payments
    group by all
),

first_purchases as (
    select
        app,
        person_id,
        min(payment_date) as first_purchase_date
    from customer_days
    where is_purchase
    group by all
),

app_spans as (
    select
        app,
        clocks.last_date,
        cast((clocks.last_date - min(first_purchases.first_purchase_date)) // 3 as integer) as holdout_days
    from first_purchases
    inner join {{ ref('int_data_clocks') }} as clocks using (app)
    group by app, clocks.last_date
),

-- once with all that is known, to look ahead; once without the last third of it, to see how that would have gone
cuts as (
    select
        app,
        'forecast' as purpose,
        last_date as until_date,
        {{ setting('ltv_horizon_days') }} as horizon_days
    from app_spans
    union all
    select
        app,
        'holdout' as purpose,
        last_date - holdout_days as until_date,
        holdout_days as horizon_days
    from app_spans
    where holdout_days > 0
),

customer_histories as (
    select
        app,
        person_id,
        cuts.purpose,
        cuts.until_date,
        cuts.horizon_days,
        first_purchases.first_purchase_date,
        count(*) filter (where days.is_purchase and days.payment_date <= cuts.until_date) as purchase_days,
        cast(
            max(days.payment_date) filter (where days.is_purchase and days.payment_date <= cuts.until_date)
            - first_purchases.first_purchase_date as integer
        ) as recency_days,
        cast(cuts.until_date - first_purchases.first_purchase_date as integer) as age_days,
        cast(sum(case when days.payment_date <= cuts.until_date then days.revenue_cents else 0 end) as bigint) as revenue_cents,
        count(*) filter (where days.is_purchase and days.payment_date > cuts.until_date) as later_purchase_days,
        cast(sum(case when days.payment_date > cuts.until_date then days.revenue_cents else 0 end) as bigint) as later_revenue_cents
    from first_purchases
    inner join cuts using (app)
    inner join customer_days as days using (app, person_id)
    -- what came back before the first purchase was bought before the data begin
    where first_purchases.first_purchase_date <= least(cuts.until_date, days.payment_date)
    group by app, person_id, first_purchases.first_purchase_date, cuts.purpose, cuts.until_date, cuts.horizon_days
)

select * from customer_histories
