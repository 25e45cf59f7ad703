with

changes as (
    select
        changes.* exclude (identity_key, account_id),
        coalesce(identities.person_id, changes.account_id) as unit_id,
        -- null is said of what is no longer so
        changes.value is null as is_end,
        (
            changes.occurred_at, changes.event_id, changes.app, changes.event_date,
            list_position(['set', 'set_once', 'unset'], changes.operation)
        ) as place
    from {{ ref('int_profile_changes') }} as changes
    left join {{ ref('int_identities') }} as identities
        on changes.identity_key = identities.identity_key
),

changes_with_ends as (
    select
        *,
        count(case when is_end then 1 end) over (partition by unit, unit_id, property order by place) as ends
    from changes
),

-- what is set once holds where nothing has been said since the beginning, or the last end
holding_changes as (
    select *
    from changes_with_ends
    qualify
        operation != 'set_once'
        or count(case when not is_end then 1 end) over (
            partition by unit, unit_id, property, ends order by place rows between unbounded preceding and 1 preceding
        ) = 0
),

-- of one moment the last stands
last_changes as (
    select *
    from holding_changes
    qualify row_number() over (partition by unit, unit_id, property, occurred_at order by place desc) = 1
),

turns as (
    select *
    from last_changes
    qualify value is distinct from lag(value) over (partition by unit, unit_id, property order by occurred_at)
),

stretches as (
    select
        unit,
        unit_id,
        property,
        value,
        occurred_at as valid_from_at,
        lead(occurred_at) over (partition by unit, unit_id, property order by occurred_at) as valid_to_at
    from turns
),

profile_properties as (
    select
        *,
        valid_to_at is null as is_current
    from stretches
    where value is not null
)

select * from profile_properties
