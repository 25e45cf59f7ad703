{#-
    Which segment a person is in on each day of their life, as stretches of days. Between two active days all that passes is time, and
    every rule of the list (NEW, POWER, ACTIVE, AT_RISK) holds up to a day and not after it: so a stretch is cut at a handful of days,
    each the latest up to which its rule or one before it holds. What no rule holds for is CHURNED. Days are told before they come:
    the stretches reach as far as silence would take the person, and who reads them stops at the data's own clock.
-#}

{%- macro person_segments(person_days, rules) %}
    with person_dates as (

        select
            person_key,
            any_value(person_id) as person_id,
            activity_date as day,
            bool_or(is_active) as is_active,
            bit_xor(content_hash) as content_hash
        from {{ person_days }}
        group by person_key, activity_date

    ),

    dates_with_first as (

        select
            *,
            min(day) over person as first_seen_date,
            bit_xor(content_hash) over person as person_hash
        from person_dates
        window person as (partition by person_key)

    ),

    -- the day that a person is first seen on opens their life, active or not; from then on only active days matter
    openings as (

        select
            person_key,
            person_id,
            person_hash,
            first_seen_date,
            day,
            lead(day) over person as next_day,
            case when is_active then lag(case when is_active then day end, {{ rules.power_days - 1 }}) over person end as power_day,
            is_active
        from dates_with_first
        where is_active or day = first_seen_date
        window person as (partition by person_key order by day)

    ),

    openings_with_limits as (

        select
            *,
            first_seen_date + {{ rules.new_days }} as new_until,
            greatest(new_until, power_day + {{ rules.power_window_days - 1 }}) as power_until,
            greatest(power_until, case when is_active then day + {{ rules.active_days }} end) as active_until,
            greatest(active_until, case when is_active then day + {{ rules.at_risk_days }} end) as at_risk_until
        from openings

    ),

    stretches as (

        select
            person_key,
            person_id,
            person_hash,
            unnest(list_filter(
                [
                    {segment: 'NEW', day: day, last_day: new_until},
                    {segment: 'POWER', day: greatest(day, new_until + 1), last_day: power_until},
                    {segment: 'ACTIVE', day: greatest(day, power_until + 1), last_day: active_until},
                    {segment: 'AT_RISK', day: greatest(day, active_until + 1), last_day: at_risk_until},
                    {segment: 'CHURNED', day: greatest(day, at_risk_until + 1), last_day: date 'infinity'}
                ],
                lambda stretch: stretch.day <= stretch.last_day and coalesce(stretch.day < next_day, true)
            ), recursive := true)
        from openings_with_limits

    ),

    changes as (

        select *
        from stretches
        qualify segment is distinct from lag(segment) over (partition by person_key order by day)

    )

    select
        person_key,
        person_id,
        segment,
        day as valid_from_date,
        lead(day) over (partition by person_key order by day) - 1 as valid_to_date,
        person_hash as content_hash
    from changes
{%- endmacro -%}
