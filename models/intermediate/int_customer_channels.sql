with

customers as materialized (
    select
        row_number() over () as conversion_id,
        segment,
        segment_value,
        clock,
        person_id as unit,
        cohort_start,
        epoch_us(acquired_at) as at_us,
        cast(0 as bigint) as amount_cents
    from {{ ref('int_customer_revenue') }}
    where period_start = cohort_start
),

touches as (
    select
        identities.person_id as unit,
        sessions.session_id as touch_id,
        epoch_us(sessions.started_at) as at_us,
        sessions.channel = 'Direct' as is_direct
    from {{ ref('int_sessions') }} as sessions
    inner join {{ ref('int_identities') }} as identities using (identity_key)
    where sessions.is_visit and identities.person_id in (select unit from customers)
),

credits as (
    {{ attribution('touches', 'customers', [setting('acquisition_model')]) }}
),

customer_credits as (
    select
        customers.segment,
        customers.segment_value,
        customers.clock,
        customers.unit as person_id,
        customers.cohort_start,
        coalesce(sessions.channel, 'Direct') as channel,
        sum(credits.credit) as credit
    from credits
    inner join customers using (conversion_id)
    left join {{ ref('int_sessions') }} as sessions
        on credits.touch_id = sessions.session_id
    group by all
),

-- the channels of a customer in order, each with the share up to it: what is cut at these shares adds up to the cent
customer_channels as (
    select
        * replace (cast(credit as decimal(13, 12)) as credit),
        cast(sum(credit) over (partition by segment, segment_value, person_id order by channel) as decimal(13, 12)) as share_until,
        cast(share_until - credit as decimal(13, 12)) as share_before
    from customer_credits
)

select * from customer_channels
