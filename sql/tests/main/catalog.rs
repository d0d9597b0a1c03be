//! Questions about PostgreSQL's catalog, as clients ask them.

use crate::fixture::{rows, world};

/// What psql, drivers and tools ask about; only that there is an answer.
const ASKED: &[&str] = &[
    // psql: \l, \dn, \df, \du, \dt+, and the parts of \d.
    r#"SELECT d.datname as "Name", pg_catalog.pg_get_userbyid(d.datdba) as "Owner", pg_catalog.pg_encoding_to_char(d.encoding) as "Encoding",
       d.datcollate as "Collate", pg_catalog.array_to_string(d.datacl, E'\n') AS "Access privileges" FROM pg_catalog.pg_database d ORDER BY 1"#,
    r#"SELECT n.nspname AS "Name", pg_catalog.pg_get_userbyid(n.nspowner) AS "Owner" FROM pg_catalog.pg_namespace n
       WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1"#,
    r#"SELECT n.nspname as "Schema", p.proname as "Name", pg_catalog.pg_get_function_result(p.oid) as "Result data type",
       pg_catalog.pg_get_function_arguments(p.oid) as "Argument data types",
       CASE p.prokind WHEN 'a' THEN 'agg' WHEN 'w' THEN 'window' WHEN 'p' THEN 'proc' ELSE 'func' END as "Type"
       FROM pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
       WHERE pg_catalog.pg_function_is_visible(p.oid) AND n.nspname <> 'pg_catalog' ORDER BY 1, 2, 4"#,
    "SELECT r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolconnlimit, r.rolvaliduntil,
       ARRAY(SELECT b.rolname FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles b ON (m.roleid = b.oid) WHERE m.member = r.oid) as memberof
     , r.rolreplication , r.rolbypassrls FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1",
    r#"SELECT n.nspname as "Schema", c.relname as "Name", CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' END as "Type",
       pg_catalog.pg_get_userbyid(c.relowner) as "Owner", am.amname as "Access method",
       pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(c.oid)) as "Size", pg_catalog.obj_description(c.oid, 'pg_class') as "Description"
       FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
       WHERE c.relkind IN ('r','p','') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema'
       AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2"#,
    "SELECT c.relchecks, c.relkind, c.relhasindex, c.relhasrules, c.relhastriggers, c.relrowsecurity, c.relforcerowsecurity, false AS relhasoids,
       c.relispartition, '', c.reltablespace, CASE WHEN c.reloftype = 0 THEN '' ELSE c.reloftype::pg_catalog.regtype::pg_catalog.text END,
       c.relpersistence, c.relreplident, am.amname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class tc ON (c.reltoastrelid = tc.oid)
       LEFT JOIN pg_catalog.pg_am am ON (c.relam = am.oid) WHERE c.oid = '1259'",
    "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
       (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef),
       a.attnotnull, (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <> t.typcollation) AS attcollation,
       a.attidentity, a.attgenerated FROM pg_catalog.pg_attribute a WHERE a.attrelid = '1259' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
    "SELECT pol.polname, pol.polpermissive, CASE WHEN pol.polroles = '{0}' THEN NULL ELSE pg_catalog.array_to_string(array(select rolname from pg_catalog.pg_roles
       where oid = any (pol.polroles) order by 1),',') END, pg_catalog.pg_get_expr(pol.polqual, pol.polrelid) FROM pg_catalog.pg_policy pol WHERE pol.polrelid = '1259' ORDER BY 1",
    "SELECT oid, stxrelid::pg_catalog.regclass, stxnamespace::pg_catalog.regnamespace::pg_catalog.text AS nsp, stxname,
       pg_catalog.pg_get_statisticsobjdef_columns(oid) AS columns, 'd' = any(stxkind) AS ndist_enabled, stxstattarget
       FROM pg_catalog.pg_statistic_ext WHERE stxrelid = '1259' ORDER BY nsp, stxname",
    "SELECT pubname, NULL, NULL FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_publication_namespace pn ON p.oid = pn.pnpubid
       JOIN pg_catalog.pg_class pc ON pc.relnamespace = pn.pnnspid WHERE pc.oid = '1259' and pg_catalog.pg_relation_is_publishable('1259')
     UNION SELECT pubname, pg_get_expr(pr.prqual, c.oid), (CASE WHEN pr.prattrs IS NOT NULL THEN (SELECT string_agg(attname, ', ')
       FROM pg_catalog.generate_series(0, pg_catalog.array_upper(pr.prattrs::pg_catalog.int2[], 1)) s, pg_catalog.pg_attribute
       WHERE attrelid = pr.prrelid AND attnum = prattrs[s]) ELSE NULL END) FROM pg_catalog.pg_publication p
       JOIN pg_catalog.pg_publication_rel pr ON p.oid = pr.prpubid JOIN pg_catalog.pg_class c ON c.oid = pr.prrelid WHERE pr.prrelid = '1259'
     UNION SELECT pubname, NULL, NULL FROM pg_catalog.pg_publication p WHERE p.puballtables AND pg_catalog.pg_relation_is_publishable('1259') ORDER BY 1",
    "SELECT c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i WHERE c.oid = i.inhparent AND i.inhrelid = '1259'
       AND c.relkind != 'p' AND c.relkind != 'I' ORDER BY inhseqno",
    "SELECT c.oid::pg_catalog.regclass, c.relkind, inhdetachpending, pg_catalog.pg_get_expr(c.relpartbound, c.oid) FROM pg_catalog.pg_class c,
       pg_catalog.pg_inherits i WHERE c.oid = i.inhrelid AND i.inhparent = '1259'
       ORDER BY pg_catalog.pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', c.oid::pg_catalog.regclass::pg_catalog.text",
    // Tab completion.
    "SELECT pg_catalog.format_type(t.oid, NULL) FROM pg_catalog.pg_type t WHERE (t.typrelid = 0 OR (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c
       WHERE c.oid = t.typrelid)) AND t.typname !~ '^_' AND (pg_catalog.format_type(t.oid, NULL)) LIKE 'timest%' AND pg_catalog.pg_type_is_visible(t.oid) LIMIT 1000",
    "SELECT n.nspname, NULL::pg_catalog.text FROM pg_catalog.pg_namespace n WHERE n.nspname NOT LIKE E'pg\\\\_%'
     UNION ALL SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n LIMIT 1000",
    "SELECT pg_catalog.lower(name) FROM pg_catalog.pg_settings WHERE pg_catalog.lower(name) LIKE pg_catalog.lower('standard\\_conf%')",
    // DBeaver, JDBC.
    "SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0
       AND d.classoid='pg_namespace'::regclass ORDER BY nspname",
    "SELECT c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, pg_catalog.pg_get_partkeydef(c.oid) as partition_key
       FROM pg_catalog.pg_class c LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass
       WHERE c.relnamespace=11 AND c.relkind not in ('i','I','c')",
    "SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description FROM pg_catalog.pg_type t
       LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid
       LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid WHERE t.typname IS NOT NULL
       AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C')",
    "SELECT l.oid,l.* FROM pg_catalog.pg_language l ORDER BY l.oid",
    "SELECT sa.* FROM pg_catalog.pg_stat_activity sa",
    "SELECT n.nspname = ANY(current_schemas(true)), n.nspname, t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON t.typnamespace = n.oid WHERE t.oid = 1034",
    "SELECT typinput='pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid FROM pg_catalog.pg_type LEFT JOIN (select ns.oid as nspoid, ns.nspname, r.r
       from pg_namespace as ns join ( select s.r, (current_schemas(false))[s.r] as nspname from generate_series(1, array_upper(current_schemas(false), 1)) as s(r) ) as r
       using ( nspname ) ) as sp ON sp.nspoid = typnamespace WHERE pg_type.oid = 1034 ORDER BY sp.r, pg_type.oid DESC",
    // SQLAlchemy.
    "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind in ('r', 'p')",
    "SELECT t.typname as \"name\", pg_catalog.format_type(t.typbasetype, t.typtypmod) as \"attype\", not t.typnotnull as \"nullable\" FROM pg_catalog.pg_type t WHERE t.typtype = 'd'",
    "SELECT a.attname FROM pg_attribute a JOIN (SELECT unnest(ix.indkey) attnum, generate_subscripts(ix.indkey, 1) ord FROM pg_index ix
       WHERE ix.indrelid = 1259 AND ix.indisprimary) k ON a.attnum=k.attnum WHERE a.attrelid = 1259 ORDER BY k.ord",
    "SELECT r.conname, pg_catalog.pg_get_constraintdef(r.oid, true) as condef, n.nspname as conschema FROM pg_catalog.pg_constraint r, pg_namespace n, pg_class c
       WHERE r.conrelid = 1259 AND r.contype = 'f' AND c.oid = confrelid AND n.oid = c.relnamespace ORDER BY 1",
    "SELECT * FROM pg_catalog.pg_get_keywords()",
    "SELECT name FROM pg_catalog.pg_timezone_names() WHERE pg_catalog.lower(name) LIKE pg_catalog.lower('europe/b%')",
    // psycopg and Npgsql.
    "SELECT typname AS name, oid, typarray AS array_oid, oid::regtype::text AS regtype, typdelim AS delimiter FROM pg_type t WHERE t.oid = to_regtype('int4') ORDER BY t.oid",
    "SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.typelem FROM pg_type AS t JOIN pg_namespace AS ns ON (ns.oid = typnamespace)
       JOIN pg_proc AS p ON p.oid = t.typreceive WHERE t.typtype IN ('b', 'r', 'm', 'e', 'd') AND t.typname = 'int4'",
    "select pkcol.COLUMN_NAME from INFORMATION_SCHEMA.KEY_COLUMN_USAGE pkcol where pkcol.TABLE_SCHEMA = 'salesforce'",
    "SELECT has_table_privilege('pg_class', 'SELECT'), pg_size_pretty(20480::bigint), current_setting('search_path'), current_schema, current_catalog",
];

#[tokio::test]
async fn what_clients_ask_has_an_answer() {
    let world = world().await;
    let session = world.session("ana").await;
    let mut failed = Vec::new();
    for sql in ASKED {
        if let Err(error) = rows(&session, sql).await {
            failed.push(format!("{}: {} in {sql}", error.sqlstate, error.message));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[tokio::test]
async fn object_ids_follow_from_names() {
    let id = "SELECT oid FROM pg_class WHERE relname = 'account'";
    let named = "SELECT 'salesforce.account'::regclass::oid";
    let (first, second) = (world().await, world().await);
    let known = first.rows("ana", id).await;
    assert_eq!(second.rows("ben", id).await, known);
    assert_eq!(second.rows("ben", named).await, known);
    let name = format!("SELECT '{}'::regclass::text", known[0][0]);
    assert_eq!(second.value("ben", &name).await, "account");
    assert_eq!(
        second.value("ben", "SELECT 'pg_class'::regclass::oid").await,
        "1259"
    );
}

#[tokio::test]
async fn columns_have_the_types_of_postgresql() {
    let world = world().await;
    let columns = "SELECT column_name, ordinal_position, data_type, udt_name FROM information_schema.columns \
                   WHERE table_schema = 'salesforce' AND table_name = 'opportunity' AND column_name IN ('id', 'amount', 'createddate') ORDER BY 2";
    let columns = world.rows("admin", columns).await;
    assert_eq!(columns[0], ["id", "1", "text", "text"]);
    let types: Vec<_> = columns.iter().map(|column| column[2].as_str()).collect();
    assert!(types.contains(&"double precision"), "{columns:?}");
    assert!(types.contains(&"timestamp with time zone"), "{columns:?}");
}

#[tokio::test]
async fn a_look_up_beside_a_row_keeps_its_value() {
    let world = world().await;
    let sql = "SELECT c.relname, (SELECT n.nspname FROM pg_namespace n WHERE n.oid = c.relnamespace) FROM pg_class c WHERE c.oid = 1259";
    assert_eq!(world.rows("ana", sql).await, [["pg_class", "pg_catalog"]]);
}

#[tokio::test]
async fn a_wildcard_beside_a_column_of_the_same_name() {
    let world = world().await;
    let session = world.session("ana").await;
    let answer = session
        .sql("SELECT l.oid, l.* FROM pg_catalog.pg_language l")
        .await
        .expect("an answer");
    let schema = answer.schema().expect("columns");
    let names: Vec<_> = schema
        .fields()
        .iter()
        .take(3)
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(names, ["oid", "oid", "lanname"]);
}
