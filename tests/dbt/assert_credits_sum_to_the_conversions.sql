-- A failing row is a conversion and model whose credits are not the number of its conversions, or whose cents are not their money.
with

picked_events as (select * from {{ ref('int_picked_events') }}),

configured as (
    select
        conversion,
        coalesce(occurrence, 'any') as occurrence,
        value in ('amount_cents', 'properties.amount_cents') as is_of_money
    from {{ ref('conversions') }}
    where coalesce(unit, 'person') = 'person'
),

credited_events as (
    select
        configured.conversion,
        case when configured.is_of_money and event_money.event_id is not null then event_money.value_cents else picked_events.amount end as amount
    from picked_events
    inner join {{ ref('int_identities') }} as identities
        on picked_events.identity_key = identities.identity_key
    inner join configured
        on picked_events.kind = 'conversion' and picked_events.analysis = configured.conversion
    left join {{ ref('int_event_money') }} as event_money
        on
            picked_events.app = event_money.app
            and picked_events.event_id = event_money.event_id
            and picked_events.occurred_at = event_money.occurred_at
    where list_contains(picked_events.parts, 1) and event_money.is_repeated is not true
    qualify
        configured.occurrence = 'any'
        or row_number() over (
            partition by configured.conversion, identities.person_id
            order by picked_events.occurred_at, picked_events.event_id, picked_events.app
        ) = 1
),

events_by_conversion as (
    select
        conversion,
        count(*) as conversions,
        coalesce(sum(amount), 0) as cents
    from credited_events
    group by conversion
),

credits as (
    select
        conversion,
        model,
        sum(credited_conversions) as conversions,
        sum(credited_cents) as cents
    from {{ ref('fct_attribution') }}
    group by conversion, model
)

select
    credits.*,
    events_by_conversion.conversions as conversions_there,
    events_by_conversion.cents as cents_there

from credits

inner join events_by_conversion
    on credits.conversion = events_by_conversion.conversion

where credits.conversions != events_by_conversion.conversions or credits.cents != events_by_conversion.cents
