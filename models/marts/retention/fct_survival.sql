with

activity_lifetimes as (

    select
        'activity' as kind,
        'day' as age_unit,
        *

    from {{ ref('int_activity_lifetimes') }}

),

curves as (

    {{ kaplan_meier('activity_lifetimes', ['kind', 'age_unit', 'segment', 'segment_value']) | indent(4) }}

),

medians as (

    {{ median_lifetimes('curves', ['kind', 'segment', 'segment_value']) | indent(4) }}

),

survival as (

    select
        curves.*,
        medians.median_age,
        medians.median_age_lower,
        medians.median_age_upper

    from curves

    inner join medians
        on
            curves.kind = medians.kind
            and curves.segment = medians.segment
            and curves.segment_value = medians.segment_value

)

select * from survival
