{#- Calendar arithmetic that every engine shares. Pure: an expression in, an expression out. -#}

{%- macro period_start(day, period, week_start='monday') -%}
{%- if period in ('day', 'hour') -%}
{{ day }}
{%- elif period == 'week' and week_start == 'sunday' -%}
(date_trunc('week', {{ day }} + 1)::date - 1)
{%- else -%}
date_trunc('{{ period }}', {{ day }})::date
{%- endif -%}
{%- endmacro -%}

{%- macro shift_period(period_start, period, periods) -%}
{%- if period in ('day', 'hour') -%}
({{ period_start }} + {{ periods }})
{%- elif period == 'week' -%}
({{ period_start }} + {{ periods * 7 }})
{%- else -%}
({{ period_start }} + interval ({{ periods }}) {{ period }})::date
{%- endif -%}
{%- endmacro -%}
