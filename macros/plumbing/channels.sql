{#-
    Sessions with where they came from, and whether that makes them visits: what an attribution may credit. A visit has a page or screen view,
    or says where it came from; a server's events alone (an order, a webhook) are none.
-#}
{% macro with_traffic(sessions, traffic_sources) -%}
    with

    -- what its events do not say, the address of its entry page may: UTM parameters, and the click id of an advertising platform
    landed_sessions as (

        select
            *,
            click_id(entry_page) as click,
            coalesce(utm_source, utm_medium, utm_campaign, utm_term, utm_content) is null
            and regexp_matches(entry_page, '(?i)[?&]utm_') as is_tagged_by_address

        from {{ sessions }}

    ),

    tagged_sessions as (

        select
            * exclude (click, is_tagged_by_address) replace (
                case when is_tagged_by_address then url_parameter(entry_page, 'utm_source') else utm_source end as utm_source,
                case when is_tagged_by_address then url_parameter(entry_page, 'utm_medium') else utm_medium end as utm_medium,
                case when is_tagged_by_address then url_parameter(entry_page, 'utm_campaign') else utm_campaign end as utm_campaign,
                case when is_tagged_by_address then url_parameter(entry_page, 'utm_term') else utm_term end as utm_term,
                case when is_tagged_by_address then url_parameter(entry_page, 'utm_content') else utm_content end as utm_content
            ),
            click.parameter as click_id_parameter,
            click.click_id as click_id,
            click.source as click_source,
            click.medium as click_medium

        from landed_sessions

    ),

    -- where the session came from: its UTM parameters, else a click id, else a referrer that is not the site itself
    sessions_with_hosts as (

        select
            *,
            regexp_extract(lower(referrer), '^[a-z-]+://(?:www\.)?([^/:?#]+)', 1) as referrer_host,
            case
                when referrer is not null then regexp_extract(lower(entry_page), '^[a-z-]+://(?:www\.)?([^/:?#]+)', 1)
            end as own_host

        from tagged_sessions

    ),

    sessions_with_source as (

        select
            *,
            lower(coalesce(
                utm_source,
                click_source,
                case
                    when referrer_host is distinct from own_host
                        then coalesce(search_engine(referrer_host), nullif(referrer_host, ''))
                end,
                '(direct)'
            )) as traffic_source

        from sessions_with_hosts

    ),

    sessions_with_medium as (

        select
            sessions_with_source.* exclude (referrer_host, own_host, click_source, click_medium),
            traffic_sources.category as traffic_category,
            lower(coalesce(
                sessions_with_source.utm_medium,
                case when coalesce(lower(sessions_with_source.utm_source) = click_source, sessions_with_source.utm_source is null) then click_medium end,
                case
                    when sessions_with_source.traffic_source = '(direct)' then '(none)'
                    when sessions_with_source.utm_source is not null then '(not set)'
                    when traffic_sources.category = 'search' then 'organic'
                    else 'referral'
                end
            )) as traffic_medium

        from sessions_with_source

        left join {{ traffic_sources }} as traffic_sources
            on sessions_with_source.traffic_source = traffic_sources.source

    )

    select
        * exclude (traffic_category),
        channel_group(traffic_source, traffic_medium, lower(utm_campaign), traffic_category) as channel,
        (
            page_views > 0
            or traffic_source != '(direct)'
            or coalesce(utm_source, utm_medium, utm_campaign, utm_term, utm_content) is not null
        )
        and {{ is_counted() }} as is_visit

    from sessions_with_medium
{%- endmacro %}

{#- Whether an event or a session is in the numbers of a site: a bot's is not, unless `count_bots` is on. -#}
{% macro is_counted() -%}
(not is_bot or {{ setting('count_bots') }})
{%- endmacro %}

{#- The parameters of an address that tell one page from another, as a list of SQL: the setting `page_parameters`. -#}
{% macro kept_parameters() -%}
{%- set names = [] -%}
{%- for name in (setting('page_parameters') or '').split(',') if name | trim -%}
    {%- do names.append(quoted(name | trim)) -%}
{%- endfor -%}
cast([{{ names | join(', ') }}] as varchar[])
{%- endmacro %}
