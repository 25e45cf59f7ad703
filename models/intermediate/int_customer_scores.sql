with

customers as (
    select
        person_id,
        max(payment_date) filter (where revenue_cents > 0) as last_payment_date,
        count(distinct row(app, order_key(order_id, event_id, occurred_at))) filter (where revenue_cents > 0) as orders,
        sum(revenue_cents) as revenue_cents
    from {{ ref('int_payments') }}
    where person_id is not null and status = 'completed'
    group by all
    having last_payment_date is not null
),

-- fifths by the share of customers below, so that equal ones are in one
customer_scores as (
    select
        person_id,
        1 + 5 * (rank() over (order by last_payment_date) - 1) // count(*) over () as recency,
        1 + 5 * (rank() over (order by orders) - 1) // count(*) over () as frequency,
        1 + 5 * (rank() over (order by revenue_cents) - 1) // count(*) over () as monetary,
        100 * recency + 10 * frequency + monetary as score
    from customers
)

select * from customer_scores
