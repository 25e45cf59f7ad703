-- A failing row is a step that more users reached than the step they had to pass before it, or whose rates do not follow from its users.
with

steps as (
    select
        fct_funnel_steps.*,
        first_value(fct_funnel_steps.users) over in_order as entered,
        last_value(case when configured.optional is distinct from 'true' then fct_funnel_steps.users end ignore nulls) over (
            in_order rows between unbounded preceding and 1 preceding
        ) as previous_users
    from {{ ref('fct_funnel_steps') }} as fct_funnel_steps
    inner join {{ ref('funnel_steps') }} as configured
        on fct_funnel_steps.funnel = configured.funnel and cast(fct_funnel_steps.step as varchar) = configured.step
    window in_order as (
        partition by fct_funnel_steps.funnel, fct_funnel_steps.period, fct_funnel_steps.period_start order by fct_funnel_steps.step
    )
)

select * from steps

where
    users > previous_users
    or users < 0
    or drop_off is distinct from previous_users - users
    or conversion_rate is distinct from users / nullif(entered, 0)
