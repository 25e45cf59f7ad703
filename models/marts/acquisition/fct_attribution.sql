-- depends_on: {{ ref('conversions') }}, {{ ref('event_catalog') }}
{%- set conversions_named = configured_conversions() %}
{%- set models = ['first_touch', 'last_touch', 'last_non_direct', 'linear', 'position_based', 'time_decay'] %}

with

picked_events as (select * from {{ ref('int_picked_events') }}),

identities as (select * from {{ ref('int_identities') }}),

event_money as (select * from {{ ref('int_event_money') }}),

sessions as not materialized (select * from {{ ref('fct_sessions') }}),

channel_spend as (select * from {{ ref('int_channel_spend') }}),

conversion_events as materialized (
    {{ events_of_kind('picked_events', 'identities', 'conversion', 'event_money', conversions_named) }}
),

{% for named in conversions_named if named.scope.unit in ['person', 'account'] %}
-- {{ named.name }}
conversions_{{ loop.index }} as materialized (
    {{ credited_conversions(named, 'conversion_events') }}
),

touches_{{ loop.index }} as (
    select
        {{ named.scope.unit }}_id as unit,
        session_id as touch_id,
        epoch_us(started_at) as at_us,
        channel = 'Direct' as is_direct
    from sessions
    where is_visit and {{ named.scope.unit }}_id in (select unit from conversions_{{ loop.index }})
),

credits_{{ loop.index }} as (
    {{ attribution(
        'touches_' ~ loop.index,
        'conversions_' ~ loop.index,
        models,
        lookback_us=named.lookback_days * 86400000000,
        half_life_us=named.half_life_days * 86400000000,
    ) }}
),

credited_sessions_{{ loop.index }} as (
    select
        {{ quoted(named.name) }} as conversion,
        cast(date_trunc('month', conversions_{{ loop.index }}.conversion_date) as date) as period_start,
        credits_{{ loop.index }}.model,
        coalesce(sessions.channel, 'Direct') as channel,
        sessions.utm_campaign,
        credits_{{ loop.index }}.credit,
        credits_{{ loop.index }}.amount_cents
    from credits_{{ loop.index }}
    inner join conversions_{{ loop.index }}
        on credits_{{ loop.index }}.conversion_id = conversions_{{ loop.index }}.conversion_id
    left join sessions
        on credits_{{ loop.index }}.touch_id = sessions.session_id
),
{% endfor %}

credits as (
    {% for named in conversions_named if named.scope.unit in ['person', 'account'] %}
    select * from credited_sessions_{{ loop.index }}
    {{ 'union all' if not loop.last }}
    {% else %}
    select
        cast(null as varchar) as conversion,
        cast(null as date) as period_start,
        cast(null as varchar) as model,
        cast(null as varchar) as channel,
        cast(null as varchar) as utm_campaign,
        cast(null as decimal(13, 12)) as credit,
        cast(null as bigint) as amount_cents
    from conversion_events
    cross join sessions
    where false
    {% endfor %}
),

conversions_counted as (
    select distinct conversion from credits
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
    cross join conversions_counted
    where
        channel_spend.app = 'default'
        {%- for named in conversions_named %}
        {%- set app = quoted(named.scope.app) %}
        or (conversions_counted.conversion = {{ quoted(named.name) }} and channel_spend.app = coalesce({{ app }}, channel_spend.app))
        {%- endfor %}
),

returns_on_spend as (
    {{ return_on_spend('credits', 'spend', models, ['conversion', 'channel', 'utm_campaign']) | indent(4) }}
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
