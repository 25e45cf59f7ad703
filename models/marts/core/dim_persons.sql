{%- set rules = segment_rules() -%}

with

person_days as (select * from {{ ref('int_person_days') }}),

person_origins as (select * from {{ ref('int_person_origins') }}),

identities as (select * from {{ ref('int_identities') }}),

payments as (
    select * from {{ ref('fct_payments') }}
    where person_id is not null and status = 'completed'
),

clock as (
    select last_date from {{ ref('int_data_clocks') }} where app is null
),

person_ids as (
    select
        person_id,
        count(*) filter (where id_kind = 'user') as users,
        count(*) filter (where id_kind = 'device') as devices
    from identities
    group by person_id
),

person_totals as (
    select
        person_id,
        min(first_event_at) as first_seen_at,
        max(last_event_at) as last_seen_at,
        min(activity_date) as first_seen_date,
        min(activity_date) filter (where is_active) as first_active_date,
        max(activity_date) filter (where is_active) as last_active_date,
        count(*) filter (where is_active and previous_row_date is distinct from activity_date) as active_days,
        count(
            case
                when
                    is_active
                    and previous_row_date is distinct from activity_date
                    and activity_date > (select last_date from clock) - {{ rules.power_window_days }}
                    then 1
            end
        ) as recent_active_days,
        cast(sum(events) as bigint) as events
    from person_days
    group by person_id
),

customers as (
    select
        person_id,
        max(payment_date) filter (where revenue_cents > 0) as last_payment_date,
        count(distinct row(app, {{ order_key() }})) filter (where revenue_cents > 0) as orders,
        cast(sum(revenue_cents) as bigint) as revenue_cents
    from payments
    group by person_id
    having last_payment_date is not null
),

-- fifths by the share of customers below, so that equal ones are in one
customer_scores as (
    select
        *,
        1 + 5 * (rank() over (order by last_payment_date) - 1) // count(*) over () as recency,
        1 + 5 * (rank() over (order by orders) - 1) // count(*) over () as frequency,
        1 + 5 * (rank() over (order by revenue_cents) - 1) // count(*) over () as monetary
    from customers
),

persons as (
    select
        person_totals.person_id,
        person_ids.users > 0 as is_identified,
        person_ids.users,
        person_ids.devices,
        person_totals.first_seen_at,
        person_totals.last_seen_at,
        person_totals.first_seen_date,
        person_totals.first_active_date,
        person_totals.last_active_date,
        person_totals.active_days,
        person_totals.events,
        {{ person_segment_on('clock.last_date', rules) | indent(8) }} as segment,
        customer_scores.recency as rfm_recency,
        customer_scores.frequency as rfm_frequency,
        customer_scores.monetary as rfm_monetary,
        100 * customer_scores.recency + 10 * customer_scores.frequency + customer_scores.monetary as rfm_score,
        person_origins.sessions,
        person_origins.app as first_app,
        person_origins.country as first_country,
        person_origins.device_type as first_device_type,
        person_origins.channel as first_channel,
        person_origins.traffic_source as first_traffic_source,
        person_origins.traffic_medium as first_traffic_medium,
        person_origins.utm_campaign as first_utm_campaign,
        person_origins.entry_page as first_entry_page
    from person_totals
    cross join clock
    inner join person_ids
        on person_totals.person_id = person_ids.person_id
    inner join person_origins
        on person_totals.person_id = person_origins.person_id
    left join customer_scores
        on person_totals.person_id = customer_scores.person_id
)

select * from persons
