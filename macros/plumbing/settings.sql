{#- The value of a setting: environment variable FOOTFALL_<NAME> first (the settings that a home keeps stand there), else the project's var. -#}
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
        'person_scope': ['shared', 'app'],
        'trust_client_sessions': [true, false],
        'client_session_scope': ['app', 'device'],
        'allow_pii': [true, false],
        'missing_rate': ['fault', 'stop'],
        'acquisition_model': ['first_touch', 'last_touch', 'last_non_direct', 'linear', 'position_based', 'time_decay'],
    } -%}
    {%- for name, values in legal.items() -%}
        {%- if setting(name) not in values -%}
            {{ refuse_setting(name, 'legal values are ' ~ values | join(', ')) }}
        {%- endif -%}
    {%- endfor -%}
    {%- for name in ['lost_after_days', 'signup_payment_days', 'ltv_horizon_days', 'survey_response_days', 'charging_settle_days',
        'audience_regular_days', 'audience_loyal_days', 'mau_days', 'max_rate_age_days'] -%}
        {%- if setting(name) is not integer or setting(name) <= 0 -%}
            {{ refuse_setting(name, 'it must be a whole number above 0') }}
        {%- endif -%}
    {%- endfor -%}
    {%- if setting('audience_regular_days') >= setting('audience_loyal_days') -%}
        {{ refuse_setting('audience_loyal_days', "it must be above 'audience_regular_days'") }}
    {%- endif -%}
    {%- for name in ['session_timeout_seconds', 'bounce_max_seconds', 'gross_margin', 'session_max_hours'] -%}
        {%- set may_be_left_out = name == 'session_max_hours' and setting(name) is none -%}
        {%- if not may_be_left_out and (setting(name) is not number or setting(name) is boolean or setting(name) <= 0) -%}
            {{ refuse_setting(name, 'it must be a number above 0') }}
        {%- endif -%}
    {%- endfor -%}
    {%- for name in ['max_conflicting_share', 'max_unplanned_share'] -%}
        {%- set share = setting(name) -%}
        {%- if share is not number or share is boolean or not 0 <= share <= 1 -%}
            {{ refuse_setting(name, 'it must be a number from 0 to 1') }}
        {%- endif -%}
    {%- endfor -%}
    {%- if not modules.re.fullmatch('[A-Z]{3}', setting('reporting_currency') | string) -%}
        {{ refuse_setting('reporting_currency', "it must be a code of ISO 4217 in capitals, such as EUR") }}
    {%- endif -%}
    {%- set zone = setting('reporting_timezone') | string -%}
    {%- if run_query("select 1 from pg_timezone_names() where lower(name) = lower('" ~ zone | replace("'", "''") ~ "')") | length == 0 -%}
        {{ refuse_setting('reporting_timezone', "it must be a time zone of IANA, such as Europe/Berlin") }}
    {%- endif -%}
    {#- thresholds that contradict each other would leave a segment that nobody can be in -#}
    {%- set rules = segment_rules() -%}
    {%- for name, days in rules.items() -%}
        {%- if days is not integer or days <= 0 -%}
            {{ refuse_setting('segment_' ~ name, 'it must be a whole number of days above 0') }}
        {%- endif -%}
    {%- endfor -%}
    {%- if rules.power_days > rules.power_window_days -%}
        {{ refuse_setting('segment_power_days', 'nobody is active on more days than segment_power_window_days has, ' ~ rules.power_window_days) }}
    {%- endif -%}
    {%- if rules.at_risk_days <= rules.active_days -%}
        {{ refuse_setting('segment_at_risk_days', 'it must be above segment_active_days, ' ~ rules.active_days) }}
    {%- endif -%}
{%- endmacro %}

{% macro refuse_setting(name, fault) -%}
    {{ exceptions.raise_compiler_error(
        "Setting '" ~ name ~ "' is '" ~ setting(name) ~ "'; " ~ fault
        ~ ". Change it by `footfall config set`, in dbt_project.yml or in FOOTFALL_" ~ name | upper ~ ".") }}
{%- endmacro %}
