{#-
    How long units stay: the Kaplan-Meier estimate from counts, with Greenwood's variance and the log-log 95 % interval.
    Units that are still there when they are last looked at are censored: they count as long as they were seen.
-#}

{%- macro kaplan_meier(counts, by=[]) %}
    with risks as (

        select
            {{ columns_before(by) }}age,
            (sum(lost + censored) over (
                {% if by %}partition by {{ by | join(', ') }} {% endif %}order by age rows between current row and unbounded following
            ))::bigint as at_risk,
            lost::bigint as lost,
            censored::bigint as censored
        from {{ counts }}

    ),

    products as (

        select
            *,
            product(1 - lost / at_risk) over previous_and_current as survival,
            -- Greenwood's sum; nothing where nobody is left, since it is over 0 then
            case when lost = at_risk then null else sum(lost / nullif(at_risk * (at_risk - lost), 0)) over previous_and_current end as spread
        from risks
        window previous_and_current as (
            {% if by %}partition by {{ by | join(', ') }} {% endif %}order by age rows unbounded preceding
        )

    ),

    -- ln(-ln S) is nearly normal, and its interval never leaves 0 to 1
    bounds as (

        select
            *,
            case when spread > 0 then exp(1.959963984540054 * sqrt(spread) / -ln(survival)) end as stretch
        from products

    )

    select
        {{ columns_before(by) }}age,
        at_risk,
        lost,
        censored,
        survival,
        pow(survival, stretch) as survival_lower,
        pow(survival, 1 / stretch) as survival_upper
    from bounds
{%- endmacro -%}
