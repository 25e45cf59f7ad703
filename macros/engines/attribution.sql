{#-
    Which touches a conversion is credited to. A conversion finds its first and last touch by ASOF joins and then takes the touches
    between by their numbers, so that no touch outside the look-back is ever joined. Weights are integers and shares are given out by the
    largest remainder, so that credits sum to 1 and cents to the money exactly.
-#}

{%- macro attribution(touches, conversions, models, lookback_us=none, half_life_us=604800000000) %}
    with numbered_touches as (

        select *, row_number() over (partition by unit order by at_us, touch_id) as touch_number
        from {{ touches }}

    ),

    touches_in_order as (

        select *, max(case when not is_direct then touch_number end) over up_to_here as non_direct_number
        from numbered_touches
        window up_to_here as (partition by unit order by touch_number rows unbounded preceding)

    ),

    touch_moments as (

        select
            unit,
            at_us,
            min(touch_number) as first_number,
            max(touch_number) as last_number,
            max(non_direct_number) as non_direct_number
        from touches_in_order
        group by unit, at_us

    ),

    conversions_with_touches as (

        select
            conversions.conversion_id,
            conversions.unit,
            conversions.amount_cents,
            latest.at_us as last_us,
            latest.last_number,
            latest.non_direct_number,
            {{ '1' if lookback_us is none else 'earliest.first_number' }} as first_number
        from {{ conversions }} as conversions
        asof left join touch_moments as latest
            on conversions.unit = latest.unit and conversions.at_us >= latest.at_us
        {%- if lookback_us is not none %}
        asof left join touch_moments as earliest
            on conversions.unit = earliest.unit and conversions.at_us - {{ lookback_us }} <= earliest.at_us
        {%- endif %}

    ),

    -- many conversions follow on the same touches, which share them alike: a run of touches is weighed once
    runs as (

        select distinct unit, first_number, last_number, non_direct_number, last_us
        from conversions_with_touches
        where first_number <= last_number

    ),

    credited_touches as (

        select *, unnest(generate_series(first_number, last_number)) as touch_number, last_number - first_number + 1 as touches
        from runs

    ),

    models as (

        select unnest([{% for model in models %}'{{ model }}'{{ ', ' if not loop.last }}{% endfor %}]) as model

    ),

    weights as (

        select
            models.model,
            credited_touches.*,
            touches_in_order.touch_id,
            (case models.model
                when 'first_touch' then (touch_number = first_number)::integer
                when 'last_touch' then (touch_number = last_number)::integer
                when 'last_non_direct' then (
                    touch_number = case
                        when credited_touches.non_direct_number >= first_number then credited_touches.non_direct_number
                        else last_number
                    end
                )::integer
                when 'linear' then 1
                when 'position_based' then case when touches > 2 and touch_number in (first_number, last_number) then 2 * (touches - 2) else 1 end
                when 'time_decay' then round(pow(2, 40 - (last_us - touches_in_order.at_us) / {{ half_life_us }}))
            end)::hugeint as weight
        from credited_touches
        inner join touches_in_order using (unit, touch_number)
        cross join models

    ),

    shares as (

        select *, sum(weight) over (partition by model, unit, first_number, last_number) as weights
        from weights
        where weight > 0

    ),

    -- credit is counted in millionths of a millionth
    credit_parts as (

        select
            *,
            1000000000000 * weight // weights as credit_part,
            1000000000000 * weight % weights as credit_rest
        from shares

    ),

    credits_of_runs as (

        select
            *,
            1000000000000 - sum(credit_part) over (partition by model, unit, first_number, last_number) as credit_left,
            row_number() over (partition by model, unit, first_number, last_number order by credit_rest desc, touch_number desc) as credit_place
        from credit_parts

    ),

    credited_conversions as (

        select
            runs.model,
            conversions.conversion_id,
            runs.touch_id,
            runs.touch_number,
            ((credit_part + (credit_place <= credit_left)::integer)::decimal(13, 0) * 0.000000000001)::decimal(13, 12) as credit,
            conversions.amount_cents,
            abs(conversions.amount_cents::hugeint) * runs.weight // runs.weights as amount_part,
            abs(conversions.amount_cents::hugeint) * runs.weight % runs.weights as amount_rest
        from conversions_with_touches as conversions
        inner join credits_of_runs as runs using (unit, first_number, last_number)

    ),

    amounts_in_order as (

        select
            *,
            abs(amount_cents::hugeint) - sum(amount_part) over (partition by model, conversion_id) as amount_left,
            row_number() over (partition by model, conversion_id order by amount_rest desc, touch_number desc) as amount_place
        from credited_conversions
        where amount_cents != 0

    )

    select
        model,
        conversion_id,
        touch_id,
        credit,
        (sign(amount_cents) * (amount_part + (amount_place <= amount_left)::integer))::bigint as amount_cents
    from amounts_in_order
    union all
    -- without money there is nothing to share out
    select model, conversion_id, touch_id, credit, amount_cents
    from credited_conversions
    where coalesce(amount_cents, 0) = 0
    union all
    select model, conversion_id, null, 1::decimal(13, 12), amount_cents
    from conversions_with_touches
    cross join models
    where coalesce(first_number > last_number, true)
{%- endmacro -%}

{%- macro return_on_spend(credits, spend, models, by=['channel']) %}
    with credits_and_spend as (

        select {{ columns_before(by) }}period_start, model, credit, amount_cents, 0 as spend_cents from {{ credits }}
        union all
        select {{ columns_before(by) }}period_start, model, 0, 0, spend_cents
        from {{ spend }}
        cross join (select unnest([{% for model in models %}'{{ model }}'{{ ', ' if not loop.last }}{% endfor %}]) as model) as models

    ),

    totals as (

        select
            {{ columns_before(by) }}period_start,
            model,
            sum(credit)::decimal(38, 12) as conversions,
            coalesce(sum(amount_cents), 0)::bigint as amount_cents,
            coalesce(sum(spend_cents), 0)::bigint as spend_cents
        from credits_and_spend
        group by all

    )

    select
        *,
        amount_cents / nullif(spend_cents, 0) as return_on_spend,
        spend_cents / nullif(conversions, 0)::double as cost_per_conversion_cents
    from totals
{%- endmacro -%}
