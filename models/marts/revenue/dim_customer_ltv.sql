with

payments as (
    select * from {{ ref('fct_payments') }}
    where person_id is not null and status = 'completed'
),

histories as (
    select * from {{ ref('int_customer_histories') }}
    where purpose = 'forecast'
),

predictions as (
    select * from {{ ref('int_customer_predictions') }}
    where purpose = 'forecast'
),

-- the last twelve months that are over: one month of few customers says little
recent_months as (
    select
        segment_value as app,
        *
    from {{ ref('fct_mrr_movements') }}
    where segment = 'app' and is_complete
    qualify row_number() over (partition by segment_value order by period_start desc) <= 12
),

subscription_values as (
    select
        app,
        arg_max(arpu_cents, period_start)
        * {{ setting('gross_margin') }}
        / nullif(sum(churned_customers) / nullif(sum(opening_customers), 0), 0) as ltv_cents
    from recent_months
    group by app
),

customers as (
    select
        app,
        person_id,
        min(payment_date) filter (where revenue_cents > 0) as first_payment_date,
        max(payment_date) filter (where revenue_cents > 0) as last_payment_date,
        count(distinct order_key(order_id, event_id, occurred_at)) filter (where revenue_cents > 0) as orders,
        cast(sum(revenue_cents) as bigint) as revenue_cents
    from payments
    group by app, person_id
    having count(*) filter (where revenue_cents > 0) > 0
),

subscribers as (
    select
        app,
        person_id,
        arg_max(closing_mrr_cents, period_start) as mrr_cents
    from {{ ref('fct_customer_months') }}
    where person_id is not null
    group by app, person_id
),

customer_ltv as (
    select
        -- ids
        app,
        person_id,
        -- what is known
        customers.first_payment_date,
        customers.last_payment_date,
        customers.orders,
        customers.revenue_cents,
        coalesce(histories.purchase_days, 0) as purchase_days,
        histories.recency_days,
        histories.age_days,
        histories.revenue_cents / histories.purchase_days as mean_purchase_cents,
        subscribers.mrr_cents,
        -- what is expected
        predictions.probability_alive,
        histories.horizon_days,
        predictions.expected_purchases,
        predictions.purchases_lower as expected_purchases_lower,
        predictions.purchases_upper as expected_purchases_upper,
        predictions.expected_purchase_cents,
        predictions.predicted_revenue_cents,
        predictions.predicted_revenue_lower_cents,
        predictions.predicted_revenue_upper_cents,
        case
            when subscribers.mrr_cents > 0 then subscription_values.ltv_cents
            when subscribers.mrr_cents = 0 then 0
        end as subscription_ltv_cents,
        coalesce(
            predictions.fault,
            case when subscribers.mrr_cents > 0 and subscription_values.ltv_cents is null then 'no_churn_observed' end
        ) as prediction_fault,
        case
            when prediction_fault is null
                then
                    {{ setting('gross_margin') }} * (customers.revenue_cents + coalesce(predictions.predicted_revenue_cents, 0))
                    + coalesce(subscription_ltv_cents, 0)
        end as predicted_ltv_cents
    from customers
    left join histories using (app, person_id)
    left join predictions using (app, person_id)
    left join subscribers using (app, person_id)
    left join subscription_values using (app)
)

select * from customer_ltv
