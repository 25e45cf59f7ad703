with

-- the first silence that is too long ends a stay, whether or not the person comes back later: what comes later is not
-- known of those who fell silent just now, and must not be used of the others
stays as (
    select
        '' as clock,
        person_id,
        min(activity_date) as first_date,
        min(previous_row_date) filter (where activity_date - previous_row_date > {{ setting('lost_after_days') }}) as lost_date,
        max(activity_date) as last_date
    from {{ ref('int_person_days') }}
    where is_active
    group by all
    union all
    select
        app as clock,
        person_id,
        min(activity_date) as first_date,
        min(previous_row_app_date) filter (where activity_date - previous_row_app_date > {{ setting('lost_after_days') }}) as lost_date,
        max(activity_date) as last_date
    from {{ ref('int_person_days') }}
    where is_active
    group by all
),

-- the last day after which a silence of so many whole days could have been seen
observed_stays as (
    select
        stays.clock,
        origins.channel,
        stays.first_date,
        coalesce(stays.lost_date, stays.last_date) as end_date,
        cast(clocks.known_until as date) - 1 - {{ setting('lost_after_days') }} as observed_until_date
    from stays
    inner join {{ ref('int_person_origins') }} as origins using (person_id)
    inner join {{ ref('int_data_clocks') }} as clocks
        on stays.clock = coalesce(clocks.app, '')
),

counts as (
    select
        clock,
        channel,
        cast(least(end_date, observed_until_date) - first_date as integer) as age,
        count(*) filter (where end_date <= observed_until_date) as lost,
        count(*) filter (where end_date > observed_until_date) as censored
    from observed_stays
    where first_date <= observed_until_date
    group by all
),

segment_counts as (
    select
        unnest(['all', 'channel']) as segment,
        unnest(['all', channel]) as segment_value,
        age,
        lost,
        censored
    from counts
    where clock = ''
    union all
    select
        'app' as segment,
        clock as segment_value,
        age,
        lost,
        censored
    from counts
    where clock != ''
),

activity_lifetimes as (
    select
        segment,
        segment_value,
        age,
        cast(sum(lost) as bigint) as lost,
        cast(sum(censored) as bigint) as censored
    from segment_counts
    group by all
)

select * from activity_lifetimes
