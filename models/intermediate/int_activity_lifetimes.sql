{%- set lost_after_days = setting('lost_after_days') -%}

with

person_days as (
    select * from {{ ref('int_person_days') }}
    where is_active
),

person_origins as (select * from {{ ref('int_person_origins') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

segment_days as (
    select
        'all' as segment,
        'all' as segment_value,
        person_id,
        activity_date,
        previous_row_date as previous_date
    from person_days
    union all
    select
        'app' as segment,
        app as segment_value,
        person_id,
        activity_date,
        previous_row_app_date as previous_date
    from person_days
    union all
    select
        'channel' as segment,
        person_origins.channel as segment_value,
        person_days.person_id,
        person_days.activity_date,
        person_days.previous_row_date as previous_date
    from person_days
    inner join person_origins
        on person_days.person_id = person_origins.person_id
),

-- the first silence that is too long ends a stay, whether or not the person comes back later: what comes later is not
-- known of those who fell silent just now, and must not be used of the others
stays as (
    select
        segment,
        segment_value,
        min(activity_date) as first_date,
        coalesce(
            min(previous_date) filter (where activity_date - previous_date > {{ lost_after_days }}),
            max(activity_date)
        ) as last_date
    from segment_days
    group by segment, segment_value, person_id
),

-- the last day after which a silence of {{ lost_after_days }} whole days could have been seen
observed_stays as (
    select
        stays.*,
        cast(clocks.known_until as date) - 1 - {{ lost_after_days }} as observed_until_date
    from stays
    inner join clocks
        on clocks.app is not distinct from case when stays.segment = 'app' then stays.segment_value end
),

activity_lifetimes as (
    select
        segment,
        segment_value,
        cast(least(last_date, observed_until_date) - first_date as integer) as age,
        count(*) filter (where last_date <= observed_until_date) as lost,
        count(*) filter (where last_date > observed_until_date) as censored
    from observed_stays
    where first_date <= observed_until_date
    group by all
)

select * from activity_lifetimes
