-- A failing row is an app whose customers do not hold all the revenue of the persons who ever paid there.
with

payments_of_persons as (
    select
        *,
        max(revenue_cents) over (partition by app, person_id) > 0 as has_ever_paid
    from {{ ref('fct_payments') }}
    where person_id is not null
),

paid as (
    select
        app,
        sum(revenue_cents) as revenue_cents
    from payments_of_persons
    where has_ever_paid
    group by app
),

held as (
    select
        app,
        sum(revenue_cents) as revenue_cents
    from {{ ref('dim_customer_ltv') }}
    group by app
)

select
    coalesce(paid.app, held.app) as app,
    paid.revenue_cents as paid_cents,
    held.revenue_cents as held_cents

from paid

full join held
    on paid.app = held.app

where paid.revenue_cents is distinct from held.revenue_cents
