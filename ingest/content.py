"""What an event says, however its JSON was written: what its hash and its generated id are made of, as DuckDB macros.

Two JSON objects say the same where they hold the same members: keys may stand in any order, at every depth; null and an
object that holds nothing are as good as absent; 1.0 is the number 1. Text stays text ("1" is not 1), lists keep their
order and their length.
"""

# every manifest says by which version of these rules its file's ids and hashes were made
VERSION = 3
# how far inside a member keys are put in order; what lies deeper counts as the text that it is
DEPTH = 6


def _digest(level: int) -> str:
    """A macro of the digest of a JSON value, null where it holds nothing; it calls the one of the level inside.

    It does so once: a plan of two calls a level would double with each.
    """
    member = f"xor(hash(member[1], 'key'), json_digest_{level - 1}(member[2]))"
    return f"""
create or replace macro json_digest_{level}(value) as case
    when ascii(value) in (91, 123) then md5_number_lower(
        ascii(value) || ':' || list_sum(list_transform(json_entries(value), lambda member: {member}))
    )
    when value <> 'null' then hash(json_scalar(value))
end;"""


MACROS = rf"""
-- keys and values of an object; positions and items of a list, and its length
create or replace macro json_entries(value) as case ascii(value)
    when 123 then list_zip(json_keys(value), json_extract(value, '$.*')::varchar[])
    when 91 then list_zip(
        range(json_array_length(value)::bigint + 1)::varchar[],
        list_append(json_extract(value, '$[*]')::varchar[], json_array_length(value)::varchar)
    )
end;

create or replace macro json_scalar(value) as case
    when value = 'null' then null when ascii(value) <> 34 and ends_with(value, '.0') then left(value, -2) else value
end;

create or replace macro json_digest_0(value) as hash(value);
{"".join(_digest(level) for level in range(1, DEPTH + 1))}

-- an object without the members that hold nothing, each object and list inside it as its digest
create or replace macro json_flat(value) as '{{' || coalesce(array_to_string(list_transform(
    json_entries(value),
    lambda member: replace(to_json(member[1])::varchar || ':', ',":', ',\u0000":') || case
        when ascii(member[2]) in (91, 123) then '#' || json_digest_{DEPTH}(member[2]) else json_scalar(member[2])
    end
), ','), '') || '}}';

create or replace macro json_is_flat(value) as not (
    contains(value, ':{{') or contains(value, ':[') or contains(value, ':null') or contains(value, '.0,')
    or ends_with(value, '.0}}') or contains(value, ',":')
);

-- the members of an object: nearly all are flat, and those are cut out of the text. A comma before a quote parts two
-- members or, within a text, ends it, and so in any order of the members
create or replace macro json_members(value) as
    string_split(case when not json_is_flat(value) then json_flat(value) else value end[3:-2], ',"');

create or replace macro json_content(value) as array_to_string(list_sort(json_members(value)), ',"');
create or replace macro json_content_hash(value) as
    list_sum(list_transform(json_members(value), lambda member: hash(member)));
"""
