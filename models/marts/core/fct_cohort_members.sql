-- depends_on: {{ ref('cohorts') }}, {{ ref('event_catalog') }}
{%- set cohorts = configured('cohorts') %}

with

clock as (select last_date from {{ ref('int_data_clocks') }} where app is null),

persons as (select distinct person_id from {{ ref('int_identities') }}),

events as not materialized (select * from {{ ref('events') }}),

profile_properties as not materialized (
    select
        unit_id as person_id,
        property,
        value as said
    from {{ ref('fct_profile_properties') }}
    where unit = 'person' and is_current
),

-- how often persons did what a criterion counts; who never did it has no row
counts as (
    select
        cast(null as varchar) as cohort,
        cast(null as integer) as criterion,
        cast(null as varchar) as person_id,
        cast(null as bigint) as times
    from persons
    cross join clock
    where false
    {%- for cohort in cohorts %}
    {%- for criterion in cohort.criteria if criterion.property is none %}
    union all
    select
        {{ quoted(cohort.name) }} as cohort,
        {{ criterion.number }} as criterion,
        person_id,
        count(*) as times
    from events
    cross join clock
    where {{ criterion.condition }} and {{ local_date('occurred_at') }} > last_date - {{ criterion.days }}
    group by person_id
    {%- endfor %}
    {%- endfor %}
),

fulfilled as (
    select
        cast(null as varchar) as cohort,
        cast(null as integer) as criteria,
        cast(null as varchar) as person_id
    from profile_properties
    where false
    {%- for cohort in cohorts %}
    {%- for criterion in cohort.criteria %}
    union all
    select
        {{ quoted(cohort.name) }} as cohort,
        {{ cohort.criteria | length }} as criteria,
        persons.person_id
    from persons
    {%- if criterion.property is none %}
    left join counts
        on
            persons.person_id = counts.person_id
            and counts.cohort = {{ quoted(cohort.name) }}
            and counts.criterion = {{ criterion.number }}
    where coalesce(counts.times, 0) between {{ criterion.at_least }} and {{ criterion.at_most }}
    {%- else %}
    left join profile_properties
        on persons.person_id = profile_properties.person_id and profile_properties.property = {{ quoted(criterion.property) }}
    where {{ criterion.condition }}
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
),

cohort_members as (
    select
        cohort,
        person_id
    from fulfilled
    group by cohort, person_id
    having count(*) = max(criteria)
)

select * from cohort_members
