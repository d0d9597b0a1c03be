//! Column metadata (`ui/meta`), the table list (`doc/table/schema`) and attachments.

use super::access::{self, Reach};
use super::cell::SysId;
use super::exchange::Answer;
use super::render;
use super::scan::{self, Window};
use super::schema::{Column, Row};
use super::switches::Semantics;
use super::table_api::Context;
use super::types::{Family, TYPES};

/// `GET /api/now/ui/meta/{table}`: all columns, inherited ones included.
pub(super) fn meta(context: &Context<'_>, name: &str) -> Answer {
    if !context.semantics.ui_meta_available {
        return Answer::no_such_path();
    }
    let table = match context.table(name) {
        Ok((table, Reach::All)) => table,
        Ok(_) => return access::forbidden_table(name),
        Err(answer) => return *answer,
    };
    let columns = context.data.get(table).map_or(&[][..], |table| &table.columns);
    let described: serde_json::Map<String, serde_json::Value> = columns
        .iter()
        .filter(|column| column.active)
        .filter(|column| !access_hidden(context.semantics, context, table, column))
        .map(|column| (column.name.clone(), describe(context, column)))
        .collect();
    Answer::json(
        200,
        serde_json::json!({"result": {"columns": described}})
            .to_string()
            .into_bytes(),
    )
}

fn access_hidden(semantics: &Semantics, context: &Context<'_>, table: usize, column: &Column) -> bool {
    super::filter::is_listed(context.data, &semantics.hidden_fields, table, &column.name)
}

fn describe(context: &Context<'_>, column: &Column) -> serde_json::Value {
    let base_type = TYPES
        .iter()
        .find(|row| row.0 == column.internal_type)
        .map_or("string", |row| row.2);
    let plain = !matches!(column.family, Family::Journal | Family::Secret);
    let mut entry = serde_json::json!({
        "name": column.name,
        "label": column.label,
        "type": column.internal_type,
        "internal_type": column.internal_type,
        "base_type": base_type,
        "max_length": column.max_length,
        "mandatory": column.mandatory,
        "read_only": column.read_only,
        "cansort": plain,
        "filterable": plain,
        "canmatch": plain,
        "cangroup": plain,
    });
    if let Some(fields) = entry.as_object_mut() {
        if let Some(target) = column.reference {
            let table = context
                .data
                .table(target)
                .and_then(|table| context.data.get(table));
            let display = table
                .and_then(|table| table.column(table.display))
                .map(|column| column.name.clone());
            fields.insert("reference".to_owned(), target.into());
            fields.insert("reference_display_field".to_owned(), display.into());
        }
        if !column.choices.is_empty() {
            let choices: Vec<_> = column
                .choices
                .iter()
                .map(|(value, label)| serde_json::json!({"value": value, "label": label}))
                .collect();
            fields.insert("choices".to_owned(), choices.into());
        }
    }
    entry
}

/// `GET /api/now/doc/table/schema`: the tables that the account may read.
pub(super) fn tables(context: &Context<'_>) -> Answer {
    let readable = context
        .data
        .tables
        .iter()
        .filter(|table| access::reach(table.name, context.session, context.semantics) == Reach::All);
    let list: Vec<_> = readable
        .map(|table| serde_json::json!({"label": table.label, "value": table.name}))
        .collect();
    Answer::json(200, serde_json::json!({"result": list}).to_string().into_bytes())
}

const ATTACHMENTS: &str = "sys_attachment";

/// `GET /api/now/attachment`: metadata of attachments.
pub(super) fn attachments(context: &Context<'_>) -> Answer {
    try_attachments(context).unwrap_or_else(|refusal| *refusal)
}

fn try_attachments(context: &Context<'_>) -> Result<Answer, Box<Answer>> {
    let (table, reach) = context.table(ATTACHMENTS)?;
    let window = Window {
        offset: context.number("sysparm_offset", 0, 0)?,
        limit: context.number("sysparm_limit", 1_000, 1)?,
        count: true,
    };
    let filter = context.filter(table)?;
    let mut page = scan::page(context.data, table, &filter, context.semantics, window);
    match reach {
        Reach::All => scan::readable(context.data, table, context.semantics, &mut page.rows),
        _ => page.rows.clear(),
    }
    let mut out = b"{\"result\":[".to_vec();
    for (at, row) in page.rows.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        attachment_row(context, table, *row, &mut out);
    }
    out.extend_from_slice(b"]}");
    let answer = Answer {
        rows: page.rows.len(),
        ..Answer::json(200, out)
    };
    let answer = answer.with("X-Total-Count", page.total.unwrap_or_default().to_string());
    Ok(context.note(answer, &filter))
}

fn attachment_row(context: &Context<'_>, table: usize, row: Row, out: &mut Vec<u8>) {
    context.layout(table).row(out, row);
    out.pop();
    out.extend_from_slice(b",\"download_link\":");
    let link = format!(
        "{}/api/now/attachment/{}/file",
        context.call.base,
        context.data.sys_id(row)
    );
    render::string(out, &link);
    out.push(b'}');
}

/// `GET /api/now/attachment/{sys_id}` and, with `file`, its content.
pub(super) fn attachment(context: &Context<'_>, key: &str, file: bool) -> Answer {
    let (table, reach) = match context.table(ATTACHMENTS) {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let row = SysId::parse(key)
        .and_then(|id| context.data.find(table, id))
        .filter(|row| reach == Reach::All && !scan::is_hidden(context.data, table, context.semantics, *row));
    let Some(row) = row else {
        return Answer::no_record();
    };
    if file {
        let size = context
            .data
            .named(row, "size_bytes")
            .raw()
            .parse()
            .unwrap_or_default();
        let content_type = context.data.named(row, "content_type").raw();
        let body = format!("content of {key}\n")
            .into_bytes()
            .into_iter()
            .cycle()
            .take(size)
            .collect();
        return Answer {
            content_type,
            rows: 1,
            ..Answer::json(200, body)
        };
    }
    let mut out = b"{\"result\":".to_vec();
    attachment_row(context, table, row, &mut out);
    out.push(b'}');
    Answer {
        rows: 1,
        ..Answer::json(200, out)
    }
}
