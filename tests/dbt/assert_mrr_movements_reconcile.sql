-- A failing row is a month and segment value whose MRR is not what its movements make of the month before.
-- Or all segment values together are not the whole; apps end one by one, and are looked at in assert_customers_pay_what_their_subscriptions_cost.
with

movements as (
    select
        *,
        lag(closing_mrr_cents, 1, 0) over (partition by segment, segment_value order by period_start) as closing_before,
        lag(closing_customers, 1, 0) over (partition by segment, segment_value order by period_start) as customers_before,
        sum(case when segment = 'all' then closing_mrr_cents end) over (partition by period_start) as closing_of_all,
        sum(closing_mrr_cents) over (partition by period_start, segment) as closing_of_segment
    from {{ ref('fct_mrr_movements') }}
)

select * from movements

where
    opening_mrr_cents + new_mrr_cents + expansion_mrr_cents + reactivation_mrr_cents - contraction_mrr_cents - churned_mrr_cents != closing_mrr_cents
    or opening_customers + new_customers + reactivated_customers - churned_customers != closing_customers
    or opening_mrr_cents != closing_before
    or opening_customers != customers_before
    or segment != 'app' and closing_of_segment is distinct from closing_of_all
