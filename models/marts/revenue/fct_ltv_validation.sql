with

histories as (
    select * from {{ ref('int_customer_histories') }}
    where purpose = 'holdout'
),

predictions as (
    select * from {{ ref('int_customer_predictions') }}
    where purpose = 'holdout'
),

-- the guess to beat: everybody goes on as before, from the first day to the cut
checked_customers as (
    select
        histories.*,
        predictions.* exclude (app, person_id, purpose),
        histories.horizon_days * histories.purchase_days / (histories.age_days + 1) as naive_purchases,
        histories.horizon_days * histories.revenue_cents / (histories.age_days + 1) as naive_revenue_cents
    from histories
    inner join predictions using (app, person_id)
),

bucketed_customers as (
    select
        *,
        unnest([
            'all',
            case
                when purchase_days <= 2 then cast(purchase_days as varchar)
                when purchase_days <= 4 then '3-4'
                when purchase_days <= 9 then '5-9'
                else '10+'
            end
        ]) as purchases_bucket
    from checked_customers
),

-- sums of decimals are the same in every order
sums as (
    select
        app,
        purchases_bucket,
        until_date as calibrated_until_date,
        horizon_days,
        count(*) as customers,
        cast(sum(cast(expected_purchases as decimal(38, 6))) as double) as predicted_purchases,
        cast(sum(cast(purchases_variance as decimal(38, 6))) as double) as purchases_variance,
        cast(sum(cast(abs(expected_purchases - later_purchase_days) as decimal(38, 6))) as double) as purchases_misses,
        cast(sum(cast(abs(naive_purchases - later_purchase_days) as decimal(38, 6))) as double) as naive_purchases_misses,
        cast(sum(cast(predicted_revenue_cents as decimal(38, 6))) as double) as predicted_revenue_cents,
        cast(sum(cast(abs(predicted_revenue_cents - later_revenue_cents) as decimal(38, 6))) as double) as revenue_misses,
        cast(sum(cast(abs(naive_revenue_cents - later_revenue_cents) as decimal(38, 6))) as double) as naive_revenue_misses,
        cast(sum(later_purchase_days) as bigint) as actual_purchases,
        cast(sum(later_revenue_cents) as bigint) as actual_revenue_cents,
        count(case when later_purchase_days between purchases_lower and purchases_upper then 1 end) as covered_customers,
        any_value(parameter_variance) as parameter_variance,
        any_value(r) as r,
        any_value(alpha_days) as alpha_days,
        any_value(a) as a,
        any_value(b) as b,
        any_value(p) as p,
        any_value(q) as q,
        any_value(gamma_cents) as gamma_cents,
        any_value(is_simpler) as is_simpler,
        any_value(fault) as fault
    from bucketed_customers
    group by all
),

ltv_validation as (
    select
        app,
        purchases_bucket,
        calibrated_until_date,
        horizon_days,
        customers,
        predicted_purchases,
        case
            when purchases_bucket = 'all' and fault is null
                then greatest(0, predicted_purchases - 1.959963984540054 * sqrt(purchases_variance + parameter_variance))
        end as predicted_purchases_lower,
        case
            when purchases_bucket = 'all' then predicted_purchases + 1.959963984540054 * sqrt(purchases_variance + parameter_variance)
        end as predicted_purchases_upper,
        actual_purchases,
        predicted_purchases / nullif(actual_purchases, 0) - 1 as purchases_error,
        purchases_misses / customers as purchases_mae,
        naive_purchases_misses / customers as naive_purchases_mae,
        case when fault is null then covered_customers / customers end as covered_share,
        predicted_revenue_cents,
        actual_revenue_cents,
        predicted_revenue_cents / nullif(actual_revenue_cents, 0) - 1 as revenue_error,
        revenue_misses / customers as revenue_mae_cents,
        naive_revenue_misses / customers as naive_revenue_mae_cents,
        r,
        alpha_days,
        a,
        b,
        p,
        q,
        gamma_cents,
        is_simpler,
        fault
    from sums
)

select * from ltv_validation
