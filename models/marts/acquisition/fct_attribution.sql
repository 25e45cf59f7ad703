-- depends_on: {{ ref('conversions') }}, {{ ref('event_catalog') }}
with

picked_events as (select * from {{ ref('int_picked_events') }}),

identities as (select * from {{ ref('int_identities') }}),

event_money as (select * from {{ ref('int_event_money') }}),

sessions as not materialized (select * from {{ ref('fct_sessions') }}),

channel_spend as (select * from {{ ref('int_channel_spend') }}),

conversion_events as materialized (
    {{ events_of_kind('picked_events', 'identities', 'conversion', 'event_money', configured('conversions')) }}
),

credits as (
    {{ credited_sessions(
        configured('conversions'),
        'conversion_events',
        'sessions',
        ['first_touch', 'last_touch', 'last_non_direct', 'linear', 'position_based', 'time_decay'],
    ) }}
),

conversions_counted as (
    select distinct
        conversion,
        app
    from credits
),

-- money spent on a channel is spent for every conversion that is counted, unless the two are about different apps
spend as (
    select
        conversions_counted.conversion,
        cast(date_trunc('month', channel_spend.spend_date) as date) as period_start,
        channel_spend.channel,
        channel_spend.utm_campaign,
        channel_spend.spend_cents
    from channel_spend
    inner join conversions_counted
        on channel_spend.app in ('default', coalesce(conversions_counted.app, channel_spend.app))
),

returns_on_spend as (
    {{ return_on_spend(
        'credits',
        'spend',
        ['first_touch', 'last_touch', 'last_non_direct', 'linear', 'position_based', 'time_decay'],
        ['conversion', 'channel', 'utm_campaign'],
    ) }}
),

credited_channels as (
    select
        conversion,
        model,
        period_start,
        channel,
        utm_campaign,
        conversions as credited_conversions,
        amount_cents as credited_cents,
        spend_cents,
        return_on_spend,
        cost_per_conversion_cents
    from returns_on_spend
)

select * from credited_channels
