{#- What the address of a landing page says about where its visitor came from. Pure: an expression in, an expression out. -#}

{%- macro url_parameter(url, parameter) -%}
nullif(trim(url_decode(replace(regexp_extract({{ url }}, '(?i)[?&]{{ parameter }}=([^&#]*)', 1), '+', ' '))), '')
{%- endmacro -%}

{#- Facebook's and Instagram's ids are on every link, the others on advertisements only; the first that a page has decides. -#}
{%- macro click_id(url) -%}
{%- set platforms = [
    ['gclid', 'google', 'cpc'],
    ['gbraid', 'google', 'cpc'],
    ['wbraid', 'google', 'cpc'],
    ['dclid', 'dfa', 'cpm'],
    ['msclkid', 'bing', 'cpc'],
    ['ttclid', 'tiktok', 'cpc'],
    ['li_fat_id', 'linkedin', 'cpc'],
    ['twclid', 'twitter', 'cpc'],
    ['rdt_cid', 'reddit', 'cpc'],
    ['sccid', 'snapchat', 'cpc'],
    ['epik', 'pinterest', 'cpc'],
    ['qclid', 'quora', 'cpc'],
    ['yclid', 'yandex', 'cpc'],
    ['fbclid', 'facebook', 'social'],
    ['igshid', 'instagram', 'social'],
] -%}
case
    when not coalesce(regexp_matches({{ url }}, '(?i)[?&]({{ platforms | map('first') | join('|') }})=[^&#]'), false) then null
    {% for parameter, source, medium in platforms -%}
    when regexp_matches({{ url }}, '(?i)[?&]{{ parameter }}=[^&#]') then struct_pack(
        parameter := '{{ parameter }}', click_id := {{ url_parameter(url, parameter) }}, source := '{{ source }}', medium := '{{ medium }}'
    )
    {% endfor -%}
end
{%- endmacro -%}
