#!/usr/bin/env bash
# Writes the data files from a real PostgreSQL 15 that psql reaches as a superuser: PGHOST=… PGPORT=… ./make.sh
set -euo pipefail
cd "$(dirname "$0")"

query() { # file, query
  psql --no-psqlrc --quiet --username "${PGUSER:-postgres}" --dbname postgres \
    -c "COPY ($2) TO STDOUT (FORMAT csv, NULL '\\N')" >"$1.csv"
}

# The columns of a catalog in their order; functions as object ids, trees and access lists left out.
columns() { # table
  psql --no-psqlrc --quiet --tuples-only --no-align --username "${PGUSER:-postgres}" --dbname postgres -c "
    SELECT string_agg(CASE
        WHEN atttypid IN ('regproc'::regtype, 'regtype'::regtype) THEN 't.' || quote_ident(attname) || '::oid'
        WHEN atttypid IN ('pg_node_tree'::regtype, 'aclitem[]'::regtype) THEN 'NULL'
        ELSE 't.' || quote_ident(attname) END, ', ' ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = 'pg_catalog.$1'::regclass AND attnum > 0 AND NOT attisdropped"
}

# Relations of the two schemas with their columns, whether they have rows here or not.
query relations "
  SELECT c.oid, n.nspname, c.relname, c.relkind, a.attnum, a.attname,
         CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END,
         a.attnotnull
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
  JOIN pg_type t ON t.oid = a.atttypid
  WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v') AND a.attnum > 0
  UNION ALL
  SELECT p.oid, 'pg_catalog', p.proname, 'f', o.number, o.name, format_type(o.type, NULL), false
  FROM pg_proc p CROSS JOIN LATERAL unnest(p.proargnames, p.proallargtypes) WITH ORDINALITY o(name, type, number)
  WHERE p.oid = 'pg_get_keywords'::regproc
  ORDER BY 2 DESC, 3, 5"

# Rows of composite types belong to the relations above.
types="typrelid = 0 AND (typelem = 0 OR typelem IN (SELECT oid FROM pg_type WHERE typrelid = 0))"
query pg_type "SELECT $(columns pg_type) FROM pg_type t WHERE $types AND typnamespace = 11 ORDER BY oid"
# What no type, operator, cast or person would look up: index support, estimators, statistics, trigger procedures.
query pg_proc "
  SELECT $(columns pg_proc | sed "s/t.prosrc/CASE WHEN prosrc = proname THEN NULL ELSE left(prosrc, 40) END/") FROM pg_proc t WHERE pronamespace = 11
  AND (oid IN (SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze, typsubscript]::oid[]) FROM pg_type WHERE $types)
    OR oid IN (SELECT oprcode FROM pg_operator)
    OR oid IN (SELECT castfunc FROM pg_cast)
    OR oid IN (SELECT unnest(ARRAY[amhandler]::oid[]) FROM pg_am)
    OR oid IN (SELECT unnest(ARRAY[rngcanonical, rngsubdiff]::oid[]) FROM pg_range)
    OR (proname !~ '^(_|bt|gin|gist|hash|spg|brin|binary_upgrade|pg_stat|ts_|RI_|dist_|jsonb?_|xml|has_|lo_|int[248]|float[48]|numeric_|network_|inet|range|multirange|poly|box|circle|path|point|line|lseg|interval_|time_|timetz_|date_|timestamp|tid|xid|pg_lsn|pg_wal|pg_ls|pg_get_repl|pg_(logical|rep|copy|create|drop|snapshot|promote|backup|walfile))'
      AND proname !~ '(_accum|_combine|_serialize|_deserialize|_transfn|_finalfn|_support|sel|joinsel|_trans|_final|handler|_inv)\$'))
  ORDER BY oid"
query pg_aggregate "SELECT $(columns pg_aggregate) FROM pg_aggregate t WHERE aggfnoid::oid IN (SELECT oid FROM pg_proc WHERE proname IN ('count', 'sum', 'avg', 'min', 'max', 'array_agg', 'string_agg', 'bool_and', 'bool_or', 'stddev', 'stddev_pop', 'stddev_samp', 'variance', 'var_pop', 'var_samp')) ORDER BY aggfnoid"
for table in pg_am pg_cast pg_language pg_opclass pg_operator pg_opfamily pg_range pg_tablespace pg_ts_config pg_ts_dict pg_ts_parser pg_ts_template; do
  query "$table" "SELECT $(columns "$table") FROM $table t ORDER BY 1"
done
query pg_collation "SELECT $(columns pg_collation) FROM pg_collation t WHERE collname IN ('default', 'C', 'POSIX', 'ucs_basic', 'C.UTF-8', 'unicode', 'und-x-icu') ORDER BY oid"
query pg_conversion "SELECT $(columns pg_conversion) FROM pg_conversion t WHERE 'UTF8' IN (pg_encoding_to_char(conforencoding), pg_encoding_to_char(contoencoding)) ORDER BY oid"
query pg_settings "SELECT $(columns pg_settings | sed 's/t.sourcefile, t.sourceline/NULL, NULL/') FROM pg_settings t WHERE category NOT LIKE 'Developer%' AND category NOT LIKE 'Preset%' AND category NOT LIKE 'Replication%' AND category NOT LIKE 'Write-Ahead%' AND context IN ('user', 'superuser', 'internal') ORDER BY name"
query pg_get_keywords "SELECT * FROM pg_get_keywords() ORDER BY word"
query pg_timezone_names "SELECT * FROM pg_timezone_names WHERE name !~ '^(posix|right)/|^localtime' AND name ~ '/|^UTC|^GMT' ORDER BY name"
