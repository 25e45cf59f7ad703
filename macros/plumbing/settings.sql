{#- The value of a setting: environment variable FOOTFALL_<NAME> first, else the project's var. -#}
{% macro setting(name) -%}
    {%- set from_environment = env_var('FOOTFALL_' ~ name | upper, '') -%}
    {%- if from_environment == '' -%}
        {{ return(var(name)) }}
    {%- elif from_environment | lower in ['true', 'false'] -%}
        {{ return(from_environment | lower == 'true') }}
    {%- elif from_environment | lower in ['null', 'none'] -%}
        {{ return(none) }}
    {%- elif from_environment.replace('.', '', 1).isdigit() -%}
        {{ return(from_environment | float if '.' in from_environment else from_environment | int) }}
    {%- else -%}
        {{ return(from_environment) }}
    {%- endif -%}
{%- endmacro %}

{#- Settings that are checked once a run, so that a slip is an error and never a silent default. -#}
{% macro assert_settings_are_legal() -%}
    {%- set legal = {
        'week_start': ['monday', 'sunday'],
        'identity_rule': ['first', 'last'],
        'trust_client_sessions': [true, false],
        'allow_pii': [true, false],
        'acquisition_model': ['first_touch', 'last_touch', 'last_non_direct', 'linear', 'position_based', 'time_decay'],
    } -%}
    {%- for name, values in legal.items() -%}
        {%- if setting(name) not in values -%}
            {{ exceptions.raise_compiler_error(
                "Setting '" ~ name ~ "' is '" ~ setting(name) ~ "'; legal values are " ~ values | join(', ')
                ~ ". Change it in dbt_project.yml or in FOOTFALL_" ~ name | upper ~ ".") }}
        {%- endif -%}
    {%- endfor -%}
    {%- for name in ['lost_after_days', 'signup_payment_days', 'ltv_horizon_days', 'survey_response_days', 'charging_settle_days',
        'audience_regular_days', 'audience_loyal_days', 'mau_days'] -%}
        {%- if setting(name) is not integer or setting(name) <= 0 -%}
            {{ exceptions.raise_compiler_error(
                "Setting '" ~ name ~ "' is '" ~ setting(name) ~ "'; it must be a whole number above 0. "
                ~ "Change it in dbt_project.yml or in FOOTFALL_" ~ name | upper ~ ".") }}
        {%- endif -%}
    {%- endfor -%}
    {%- if setting('audience_regular_days') >= setting('audience_loyal_days') -%}
        {{ exceptions.raise_compiler_error(
            "Setting 'audience_loyal_days' is '" ~ setting('audience_loyal_days') ~ "'; it must be above 'audience_regular_days'. "
            ~ "Change it in dbt_project.yml or in FOOTFALL_AUDIENCE_LOYAL_DAYS.") }}
    {%- endif -%}
    {%- for name in ['session_timeout_seconds', 'bounce_max_seconds', 'gross_margin', 'session_max_hours'] -%}
        {%- set may_be_left_out = name == 'session_max_hours' and setting(name) is none -%}
        {%- if not may_be_left_out and (setting(name) is not number or setting(name) is boolean or setting(name) <= 0) -%}
            {{ exceptions.raise_compiler_error(
                "Setting '" ~ name ~ "' is '" ~ setting(name) ~ "'; it must be a number above 0. "
                ~ "Change it in dbt_project.yml or in FOOTFALL_" ~ name | upper ~ ".") }}
        {%- endif -%}
    {%- endfor -%}
    {%- if not modules.re.fullmatch('[A-Z]{3}', setting('reporting_currency') | string) -%}
        {{ exceptions.raise_compiler_error(
            "Setting 'reporting_currency' is '" ~ setting('reporting_currency') ~ "'; it must be a code of ISO 4217 in capitals, such as EUR. "
            ~ "Change it in dbt_project.yml or in FOOTFALL_REPORTING_CURRENCY.") }}
    {%- endif -%}
    {%- set zone = setting('reporting_timezone') | string -%}
    {%- if run_query("select 1 from pg_timezone_names() where lower(name) = lower('" ~ zone | replace("'", "''") ~ "')") | length == 0 -%}
        {{ exceptions.raise_compiler_error(
            "Setting 'reporting_timezone' is '" ~ zone ~ "'; it must be a time zone of IANA, such as Europe/Berlin. "
            ~ "Change it in dbt_project.yml or in FOOTFALL_REPORTING_TIMEZONE.") }}
    {%- endif -%}
    {{ assert_segment_rules_are_legal() }}
{%- endmacro %}
