with

-- a person registers once in each app, and once in all of them
person_registrations as (
    select
        operation_days.app,
        identities.person_id,
        min(operation_days.first_at) as registered_at
    from {{ ref('int_operation_days') }} as operation_days
    inner join {{ ref('int_identities') }} as identities using (identity_key)
    where operation_days.operation = 'user_registered'
    group by all
),

segment_registrations as (
    select
        segment,
        segment_value,
        person_id,
        min(registered_at) as registered_at
    from (select unnest({{ standard_segments({'app': 'app'}) }}, recursive := true), * from person_registrations)
    group by all
),

paid_registrations as (
    select distinct
        registrations.segment,
        registrations.segment_value,
        registrations.person_id,
        true as has_paid
    from segment_registrations as registrations
    inner join {{ ref('int_payments') }} as payments using (person_id)
    where
        payments.revenue_cents > 0
        and (registrations.segment = 'all' or registrations.segment_value = payments.app)
        and payments.occurred_at >= registrations.registered_at
        and {{ local_timestamp('payments.occurred_at') }}
        < {{ local_timestamp('registrations.registered_at') }} + to_days({{ setting('signup_payment_days') }})
),

registrations as (
    select
        segment,
        segment_value,
        person_id,
        registered_at,
        {{ local_date('registered_at') }} as registered_date,
        coalesce(has_paid, false) as has_paid
    from segment_registrations
    left join paid_registrations using (segment, segment_value, person_id)
)

select * from registrations
