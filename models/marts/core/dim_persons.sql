with

-- the last day of all apps: what everybody is as of
clock as (select last_date from {{ ref('int_data_clocks') }} where app is null),

person_ids as (
    select
        person_id,
        count(*) filter (where id_kind = 'user') as users,
        count(*) filter (where id_kind = 'device') as devices
    from {{ ref('int_identities') }}
    group by all
),

-- of the rows of a day only the first opens it
person_totals as (
    select
        person_id,
        min(first_event_at) as first_seen_at,
        max(last_event_at) as last_seen_at,
        min(activity_date) as first_seen_date,
        min(activity_date) filter (where is_active) as first_active_date,
        max(activity_date) filter (where is_active) as last_active_date,
        count(*) filter (where is_active and previous_row_date is distinct from activity_date) as active_days,
        count(*) filter (
            where is_active and previous_row_date is distinct from activity_date
            and activity_date > (select last_date from clock) - {{ setting('segment_power_window_days') }}
        ) as recent_active_days,
        cast(sum(events) as bigint) as events
    from {{ ref('int_person_days') }}
    group by all
),

persons as (
    select
        person_id,
        person_ids.users > 0 as is_identified,
        person_ids.users,
        person_ids.devices,
        totals.* exclude (person_id, recent_active_days),
        -- the rules of fct_person_segments, told from the end: of the first that holds
        case
            when first_seen_date + {{ setting('segment_new_days') }} >= last_date then 'NEW'
            when recent_active_days >= {{ setting('segment_power_days') }} then 'POWER'
            when last_active_date + {{ setting('segment_active_days') }} >= last_date then 'ACTIVE'
            when last_active_date + {{ setting('segment_at_risk_days') }} >= last_date then 'AT_RISK'
            else 'CHURNED'
        end as segment,
        scores.recency as rfm_recency,
        scores.frequency as rfm_frequency,
        scores.monetary as rfm_monetary,
        scores.score as rfm_score,
        origins.sessions,
        origins.app as first_app,
        origins.country as first_country,
        origins.device_type as first_device_type,
        origins.channel as first_channel,
        origins.traffic_source as first_traffic_source,
        origins.traffic_medium as first_traffic_medium,
        origins.utm_campaign as first_utm_campaign,
        origins.entry_page as first_entry_page
    from person_totals as totals
    cross join clock
    inner join person_ids using (person_id)
    inner join {{ ref('int_person_origins') }} as origins using (person_id)
    left join {{ ref('int_customer_scores') }} as scores using (person_id)
)

select * from persons
