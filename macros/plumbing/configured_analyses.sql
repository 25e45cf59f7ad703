{#-
    The analyses that people name in seeds/, read when a model that shows them is compiled, and checked before a number is computed:
    an error names the seed, the row, the column, the fault and the mend.
-#}

{#- The rows of a seed as mappings of texts, with where each stands; none before the seed is there. -#}
{% macro seed_rows(name) -%}
    {%- set seed = ref(name) -%}
    {%- if not execute or load_relation(seed) is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set rows = [] -%}
    {%- for values in run_query('select * from ' ~ seed ~ ' order by rowid').rows -%}
        {%- set row = {'seed': name, 'number': loop.index} -%}
        {%- for column, value in values.dict().items() -%}
            {%- do row.update({column: none if value is none or value | string | trim == '' else value | string | trim}) -%}
        {%- endfor -%}
        {%- do rows.append(row) -%}
    {%- endfor -%}
    {{ return(rows) }}
{%- endmacro %}

{% macro refuse(row, column, fault) -%}
    {%- set name = row.get('funnel') or row.get('retention') or row.get('conversion') or row.get('path') -%}
    {{ exceptions.raise_compiler_error(
        'seeds/' ~ row.seed ~ '.csv, row ' ~ row.number ~ (' (' ~ name ~ ')' if name else '') ~ ', column `' ~ column ~ '`: ' ~ fault
    ) }}
{%- endmacro %}

{% macro required_text(row, column) -%}
    {%- if row[column] is none -%}
        {{ refuse(row, column, 'it is blank. Every row needs it.') }}
    {%- endif -%}
    {{ return(row[column]) }}
{%- endmacro %}

{% macro one_of(row, column, legal, default) -%}
    {%- if row[column] is not none and row[column] not in legal -%}
        {{ refuse(row, column, "'" ~ row[column] ~ "' is not legal. Write " ~ legal | join(', ') ~ '; blank means ' ~ (default or 'none') ~ '.') }}
    {%- endif -%}
    {{ return(row[column] or default) }}
{%- endmacro %}

{% macro whole_number(row, column, default) -%}
    {%- if row[column] is none and default is not none -%}
        {{ return(default) }}
    {%- endif -%}
    {%- if not modules.re.fullmatch('[1-9][0-9]{0,8}', row[column] or '') -%}
        {{ refuse(
            row, column, "'" ~ (row[column] or '') ~ "' is no whole number from 1 to 999999999. Write one"
            ~ ('.' if default is none else ', or leave it blank for ' ~ default ~ '.')
        ) }}
    {%- endif -%}
    {{ return(row[column] | int) }}
{%- endmacro %}

{#- The conditions of a column in the vocabulary's `where`, with the short forms written out. -#}
{% macro where_of(row, column) -%}
    {%- if row[column] is none -%}
        {{ return({}) }}
    {%- endif -%}
    {%- set where = fromjson(row[column], default='no JSON') -%}
    {%- set fault = 'it is no JSON. In CSV every quote inside a quoted field is doubled: "{""plan"": ""pro""}".'
        if where == 'no JSON' else where_fault(where) -%}
    {%- if fault -%}
        {{ refuse(row, column, fault ~ ' Found: ' ~ row[column]) }}
    {%- endif -%}
    {%- set conditions = {} -%}
    {%- for key, test in where.items() -%}
        {%- set operators = test if test is mapping else {'eq' if test is string or test is not iterable else 'in': test} -%}
        {%- if operators.get('regex') and run_query('select try(regexp_matches(\'\', pattern)) from (select unnest([' ~ quoted(operators.regex) ~ ']) as pattern)').columns[0].values() | first is none -%}
            {{ refuse(row, column, '`' ~ key ~ '.regex` is no RE2 expression: ' ~ operators.regex) }}
        {%- endif -%}
        {%- if key == 'person_id' -%}
            {{ refuse(row, column, '`person_id` is known only after events are picked. Ask for `user_id` or `anonymous_id`.') }}
        {%- endif -%}
        {%- if key in ['occurred_at', 'received_at'] -%}
            {%- for operator, value in operators.items() if operator != 'is_set' -%}
                {%- if operator not in ['gt', 'gte', 'lt', 'lte', 'eq', 'ne'] or not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?)?', value | string) -%}
                    {{ refuse(row, column, '`' ~ key ~ '` is a time: compare it by gt, gte, lt, lte, eq or ne with a local time, as in {"gte": "2026-01-31"}.') }}
                {%- endif -%}
            {%- endfor -%}
        {%- endif -%}
        {%- do conditions.update({key: operators}) -%}
    {%- endfor -%}
    {{ return(conditions) }}
{%- endmacro %}

{#- The events of one name (blank: of any) that fulfil a where; where both are blank, those of the condition `blank`. -#}
{% macro selector_of(row, event_column, where_column, spellings, blank='true') -%}
    {%- set event_name = row[event_column] -%}
    {%- if event_name in spellings and spellings[event_name] != event_name -%}
        {{ refuse(
            row, event_column, "'" ~ event_name ~ "' is a spelling that seeds/event_catalog.csv reports as '" ~ spellings[event_name]
            ~ "', so no event has this name. Write '" ~ spellings[event_name] ~ "'."
        ) }}
    {%- endif -%}
    {{ return({'event_name': event_name, 'where': where_of(row, where_column), 'blank': blank}) }}
{%- endmacro %}

{#- What an event name that was sent is reported as. -#}
{% macro event_spellings() -%}
    {%- set spellings = {} -%}
    {%- for row in seed_rows('event_catalog') -%}
        {%- do spellings.update({row.event_name: row.canonical_name}) -%}
    {%- endfor -%}
    {{ return(spellings) }}
{%- endmacro %}

{#- What an analysis takes from its row whatever its kind: whose events, and of which. -#}
{% macro scope_of(row) -%}
    {%- set unit = row.unit or 'person' -%}
    {%- if unit not in ['person', 'account'] and not modules.re.fullmatch('properties[.].+', unit) -%}
        {{ refuse(row, 'unit', "'" ~ unit ~ "' is no unit. Write person, account or properties.<name>; blank means person.") }}
    {%- endif -%}
    {{ return({'app': row.app, 'where': where_of(row, 'shared_where'), 'unit': unit}) }}
{%- endmacro %}

{#- The funnels of the seeds funnels, funnel_steps and funnel_exclusions. -#}
{% macro configured_funnels() -%}
    {%- set spellings = event_spellings() -%}
    {%- set funnels = {} -%}
    {%- for row in seed_rows('funnels') -%}
        {%- set name = required_text(row, 'funnel') -%}
        {%- if name in funnels -%}
            {{ refuse(row, 'funnel', "'" ~ name ~ "' names a row above too. Give each funnel a name of its own.") }}
        {%- endif -%}
        {%- do funnels.update({name: {
            'kind': 'funnel',
            'name': name,
            'parts_by_days': [],
            'row': row,
            'scope': scope_of(row),
            'order': one_of(row, 'step_order', ['ordered', 'strict', 'unordered'], 'ordered'),
            'window_seconds': whole_number(row, 'conversion_window_seconds', 1209600),
            'count': one_of(row, 'count', ['units', 'attempts'], 'units'),
            'trend': one_of(row, 'trend', ['day', 'week', 'month'], none),
            'steps': [],
            'optional_steps': [],
            'exclusions': [],
            'selectors': [],
            'is_whole': row.step_order == 'strict',
            'value': none,
        }}) -%}
    {%- endfor -%}
    {%- for row in seed_rows('funnel_steps') -%}
        {%- set named = funnel_of(row, funnels) -%}
        {%- set steps = named.steps -%}
        {%- if whole_number(row, 'step', none) != steps | length + 1 -%}
            {{ refuse(row, 'step', "'" ~ row.step ~ "' does not follow. Number the steps of a funnel 1, 2, 3 … in their order, one row below the other.") }}
        {%- endif -%}
        {%- set is_optional = one_of(row, 'optional', ['true', 'false'], 'false') == 'true' -%}
        {%- if is_optional and not steps -%}
            {{ refuse(row, 'optional', 'the first step opens the funnel and cannot be optional. Write false, or begin with another step.') }}
        {%- endif -%}
        {%- if is_optional and named.order == 'unordered' -%}
            {{ refuse(row, 'optional', 'in an unordered funnel step k counts who did any k steps, so that none is left out. Write false, or make `step_order` ordered.') }}
        {%- endif -%}
        {%- if is_optional -%}
            {%- do named.optional_steps.append(steps | length + 1) -%}
        {%- endif -%}
        {%- do named.selectors.append(selector_of(row, 'event_name', 'event_where', spellings)) -%}
        {%- do steps.append({
            'name': row.step_name or row.event_name or 'any event',
            'is_first_ever': one_of(row, 'occurrence', ['any', 'first_ever'], 'any') == 'first_ever',
        }) -%}
    {%- endfor -%}
    {%- for row in seed_rows('funnel_exclusions') -%}
        {%- set named = funnel_of(row, funnels) -%}
        {%- set span = {'from_step': whole_number(row, 'from_step', none), 'to_step': whole_number(row, 'to_step', none)} -%}
        {%- if not span.from_step < span.to_step <= named.steps | length -%}
            {{ refuse(row, 'to_step', 'an exclusion reaches from one step to a later one of the ' ~ named.steps | length ~ ' steps, not from ' ~ row.from_step ~ ' to ' ~ row.to_step ~ '.') }}
        {%- endif -%}
        {%- do named.exclusions.append(span) -%}
        {%- do named.selectors.append(selector_of(row, 'event_name', 'event_where', spellings)) -%}
    {%- endfor -%}
    {%- for named in funnels.values() if not 2 <= named.steps | length <= 50 -%}
        {{ refuse(named.row, 'funnel', 'it has ' ~ named.steps | length ~ ' steps in seeds/funnel_steps.csv. A funnel has 2 to 50.') }}
    {%- endfor -%}
    {%- for named in funnels.values() if named.order == 'unordered' -%}
        {%- set different = [] -%}
        {%- for selector in named.selectors[:named.steps | length] if selector not in different -%}
            {%- do different.append(selector) -%}
        {%- endfor -%}
        {%- for selector in different if different | selectattr('event_name', 'in', [selector.event_name, none]) | list | length > 5 -%}
            {{ refuse(
                named.row, 'step_order', 'more than 5 different steps share the events named ' ~ (selector.event_name or 'anyhow')
                ~ ', which an unordered funnel cannot tell apart. Give them event names of their own, or write ordered.'
            ) }}
        {%- endfor -%}
        {%- for step in named.steps -%}
            {%- do step.update({'name': 'Completed ' ~ loop.index ~ ' step' ~ ('' if loop.first else 's')}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(funnels.values() | list) }}
{%- endmacro %}

{% macro funnel_of(row, funnels) -%}
    {%- set name = required_text(row, 'funnel') -%}
    {%- if name not in funnels -%}
        {{ refuse(row, 'funnel', "'" ~ name ~ "' is not in seeds/funnels.csv, which has " ~ (funnels.keys() | join(', ') or 'none') ~ '. Add it there, or mend the name.') }}
    {%- endif -%}
    {{ return(funnels[name]) }}
{%- endmacro %}

{#- The retentions of the seed retentions. -#}
{% macro configured_retentions() -%}
    {%- set spellings = event_spellings() -%}
    {%- set retentions = {} -%}
    {%- for row in seed_rows('retentions') -%}
        {%- set name = required_text(row, 'retention') -%}
        {%- set period = one_of(row, 'period', ['day', 'week', 'month'], 'day') -%}
        {%- if (name, period) in retentions -%}
            {{ refuse(row, 'retention', "'" ~ name ~ "' by " ~ period ~ ' stands in a row above too. One row for each name and period.') }}
        {%- endif -%}
        {%- set scope = scope_of(row) -%}
        {%- set window = one_of(row, 'return_window', ['calendar', 'rolling_24h'], 'calendar') -%}
        {%- set selectors = [
            selector_of(row, 'start_event_name', 'start_where', spellings, 'is_activity'),
            selector_of(row, 'return_event_name', 'return_where', spellings, 'is_activity'),
        ] -%}
        {#- any activity of persons by whole days is what person days say, for less -#}
        {%- set parts_by_days = [] -%}
        {%- for selector in selectors -%}
            {%- if is_of_person_days(scope, selector) and row.value is none and window == 'calendar' -%}
                {%- do parts_by_days.append(loop.index) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do retentions.update({(name, period): {
            'kind': 'retention',
            'name': name ~ ' by ' ~ period,
            'retention': name,
            'period': period,
            'periods': whole_number(row, 'periods', {'day': 90, 'week': 52, 'month': 24}[period]),
            'period_seconds': {'day': 1, 'week': 7, 'month': 30}[period] * 86400,
            'scope': scope,
            'selectors': selectors,
            'parts_by_days': parts_by_days,
            'is_first_time': one_of(row, 'cohort_rule', ['first_time', 'recurring'], 'first_time') == 'first_time',
            'measure': one_of(row, 'measure', ['exact', 'on_or_after', 'within'], 'exact'),
            'window': window,
            'minimum_occurrences': whole_number(row, 'minimum_occurrences', 1),
            'is_whole': false,
            'value': row.value,
        }}) -%}
    {%- endfor -%}
    {{ return(retentions.values() | list) }}
{%- endmacro %}

{% macro is_of_person_days(scope, selector) -%}
    {{ return(
        scope.unit == 'person' and not scope.where and selector.event_name is none and not selector.where and selector.blank == 'is_activity'
    ) }}
{%- endmacro %}

{#- The conversions of the seed conversions. -#}
{% macro configured_conversions() -%}
    {%- set spellings = event_spellings() -%}
    {%- set conversions = {} -%}
    {%- for row in seed_rows('conversions') -%}
        {%- set name = required_text(row, 'conversion') -%}
        {%- if name in conversions -%}
            {{ refuse(row, 'conversion', "'" ~ name ~ "' names a row above too. Give each conversion a name of its own.") }}
        {%- endif -%}
        {%- if row.event_name is none and row.event_where is none -%}
            {{ refuse(row, 'event_name', 'it is blank, and so is `event_where`. Name the event that is the conversion.') }}
        {%- endif -%}
        {%- set scope = scope_of(row) -%}
        {%- set activity = {'event_name': none, 'where': {}, 'blank': 'is_activity'} -%}
        {%- set is_by_days = is_of_person_days(scope, activity) -%}
        {%- do conversions.update({name: {
            'kind': 'conversion',
            'name': name,
            'scope': scope,
            'selectors': [
                selector_of(row, 'event_name', 'event_where', spellings),
                selector_of(row, 'from_event_name', 'from_where', spellings),
                activity,
            ],
            'parts_by_days': ([2] if row.from_event_name is none and row.from_where is none else []) + [3] if is_by_days else [],
            'is_first_ever': one_of(row, 'occurrence', ['any', 'first_ever'], 'any') == 'first_ever',
            'lookback_days': whole_number(row, 'lookback_days', 30),
            'half_life_days': whole_number(row, 'half_life_days', 7),
            'is_whole': false,
            'value': row.value,
        }}) -%}
    {%- endfor -%}
    {{ return(conversions.values() | list) }}
{%- endmacro %}

{#- Every analysis that events have to be picked for. -#}
{% macro configured_analyses() -%}
    {{ return(configured_funnels() + configured_retentions() + configured_conversions()) }}
{%- endmacro %}

{#- The paths of the seed paths. -#}
{% macro configured_paths() -%}
    {%- set paths = {} -%}
    {%- for row in seed_rows('paths') -%}
        {%- set name = required_text(row, 'path') -%}
        {%- if name in paths -%}
            {{ refuse(row, 'path', "'" ~ name ~ "' names a row above too. Give each path a name of its own.") }}
        {%- endif -%}
        {%- do paths.update({name: {
            'name': name,
            'item': one_of(row, 'item', ['page', 'event'], 'page'),
            'app': row.app,
            'max_steps': whole_number(row, 'max_steps', 10),
        }}) -%}
    {%- endfor -%}
    {{ return(paths.values() | list) }}
{%- endmacro %}

{#- The names of the events that experiments are made of, as literals, which keep all other events from being read further. -#}
{% macro experiment_event_names() -%}
    {%- set names = ['experiment_exposed'] -%}
    {%- for row in seed_rows('experiment_metrics') -%}
        {%- for name in [row.numerator, row.denominator] if name is not none and name not in names -%}
            {%- do names.append(name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ literal_list(names) }}
{%- endmacro %}
