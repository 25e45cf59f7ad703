-- two hashes in a row: DuckDB combines hashes by xor, which would correlate draws that differ only in their salt
create macro draw(salt, a, b) as (hash(hash(a, b, salt)) >> 11)::double / 9007199254740992;
create macro normal(salt, a, b) as
    sqrt(-2 * ln(draw(salt || '1', a, b) + 1e-12)) * cos(2 * pi() * draw(salt || '2', a, b));
create macro pick(items, u) as items[1 + floor(u * len(items))::int];
create macro skewed(items, u) as items[1 + floor(len(items) ** u - 1)::int];
