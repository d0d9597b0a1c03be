//! Tables from describe answers.
//!
//! Owns: the wire form of a describe, the type mapping, SQL names. Does not own: fetching and keeping them; see [`cache`](super::cache).
//! Invariant: every field but a compound one becomes a column. A type that nobody knows becomes text.

use std::sync::Arc;

use causeway_core::decode::Syntax;
use causeway_core::{Column, ColumnType, Table, TableName};
use serde::{Deserialize, Deserializer};

/// Describe of one object, in Salesforce's spelling; only the keys that are needed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectDescribe {
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    label: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) queryable: bool,
    #[serde(default, deserialize_with = "or_default")]
    fields: Vec<FieldDescribe>,
}

/// One field of a describe.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent flags as described by Salesforce"
)]
struct FieldDescribe {
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    label: String,
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    kind: String,
    #[serde(default, deserialize_with = "or_default")]
    length: i64,
    #[serde(default, deserialize_with = "or_default")]
    precision: i64,
    #[serde(default, deserialize_with = "or_default")]
    scale: i64,
    #[serde(default, deserialize_with = "or_default")]
    filterable: bool,
    #[serde(default, deserialize_with = "or_default")]
    sortable: bool,
    #[serde(default, deserialize_with = "or_default")]
    groupable: bool,
    #[serde(default, deserialize_with = "or_default")]
    aggregatable: bool,
    #[serde(default, deserialize_with = "or_default")]
    unique: bool,
    #[serde(default, deserialize_with = "or_default")]
    case_sensitive: bool,
    #[serde(default, deserialize_with = "or_default")]
    calculated: bool,
    #[serde(default, deserialize_with = "or_default")]
    calculated_formula: String,
    #[serde(default, deserialize_with = "or_default")]
    encrypted: bool,
    #[serde(default, deserialize_with = "or_default")]
    reference_to: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    reference_target_field: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    relationship_name: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    picklist_values: Vec<PicklistValue>,
}

/// One value that people may choose.
#[derive(Debug, Clone, Default, Deserialize)]
struct PicklistValue {
    #[serde(default, deserialize_with = "or_default")]
    active: bool,
}

/// Describe of all objects.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct GlobalDescribe {
    pub(crate) sobjects: Vec<GlobalObject>,
}

/// One object of the global describe.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct GlobalObject {
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    label: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) queryable: bool,
}

impl GlobalObject {
    pub(crate) fn table_name(&self) -> TableName {
        table_name(&self.name, &self.label)
    }
}

/// Reads JSON null like an absent key.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn table_name(name: &str, label: &str) -> TableName {
    TableName {
        name: name.to_lowercase(),
        remote: name.to_owned(),
        label: label.to_owned(),
    }
}

impl ObjectDescribe {
    /// The table that the describe says; `None` for objects without an id.
    ///
    /// `origin` is the address that `record_url` links to.
    pub(crate) fn into_table(self, source: &Arc<str>, origin: &str) -> Option<Table> {
        let several_currencies = self
            .fields
            .iter()
            .any(|field| field.name.eq_ignore_ascii_case("CurrencyIsoCode"));
        let mut columns: Vec<Column> = Vec::with_capacity(self.fields.len() + 1);
        for field in self.fields.iter().filter(|field| !field.is_compound()) {
            columns.push(field.column(several_currencies));
        }
        columns.push(Column::record_url());
        causeway_core::make_names_unique(&mut columns);
        columns.iter_mut().for_each(|column| column.empty_is_null = true);
        let key = columns
            .iter()
            .position(|column| column.remote_field() == Some("Id"))?;
        Some(Table {
            source: Arc::clone(source),
            required_filter: required_filter(&self.name),
            name: table_name(&self.name, &self.label),
            columns,
            key: vec![key],
            domain: None,
            url_template: format!("{origin}/{{key}}"),
        })
    }
}

impl FieldDescribe {
    /// Compound values come as objects; their parts are fields of their own.
    fn is_compound(&self) -> bool {
        matches!(self.kind.as_str(), "address" | "location")
    }

    fn column(&self, several_currencies: bool) -> Column {
        let compared_blindly = self.encrypted || self.reads_parent();
        Column {
            label: if self.label.is_empty() {
                self.name.clone()
            } else {
                self.label.clone()
            },
            references: self.reference_to.clone(),
            relationship: self
                .relationship_name
                .clone()
                .filter(|_| !self.reference_to.is_empty()),
            filterable: self.filterable && !compared_blindly,
            sortable: self.sortable,
            groupable: self.groupable,
            aggregatable: self.aggregatable,
            unique: self.unique,
            case_sensitive: self.case_sensitive,
            calculated: self.calculated,
            choices: self.picklist_values.iter().filter(|value| value.active).count(),
            ..Column::field(
                &self.name,
                column_type(&self.kind),
                self.remote_type(several_currencies),
            )
        }
    }

    /// The type as Setup writes it, numbers with digits and decimals, since what may be pushed depends on them. Two kinds get a name of
    /// their own because they compare differently: amounts in an org of several currencies, and references that hold no record id.
    fn remote_type(&self, several_currencies: bool) -> String {
        let (precision, scale) = (self.precision, self.scale);
        match self.kind.as_str() {
            "currency" if several_currencies => format!("multicurrency({precision},{scale})"),
            "double" | "percent" | "currency" if precision > 0 => {
                format!("{}({precision},{scale})", self.kind)
            }
            "reference" if self.length != 18 || self.reference_target_field.is_some() => {
                "indirectreference".to_owned()
            }
            kind => kind.to_owned(),
        }
    }

    /// Whether a formula reads another record: `Account.Name`, `Owner__r.Id`. In a filter such a formula is evaluated as if a missing
    /// parent had empty fields, and may then be true although its output is not, or the reverse.
    fn reads_parent(&self) -> bool {
        self.calculated && dotted_name(&self.calculated_formula)
    }
}

/// Whether a formula holds a dotted name outside its quoted texts.
fn dotted_name(formula: &str) -> bool {
    let mut quote = None;
    let mut escaped = false;
    let mut previous = ' ';
    let mut characters = formula.chars().peekable();
    while let Some(character) = characters.next() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None if character == '.' => {
                let word = |letter: char| letter.is_alphabetic() || letter == '_';
                let followed = characters.peek().copied().is_some_and(word);
                if followed && (word(previous) || previous.is_ascii_digit()) {
                    return true;
                }
            }
            None => {}
        }
        previous = character;
    }
    false
}

/// The SQL type of a described type.
fn column_type(kind: &str) -> ColumnType {
    match kind {
        "boolean" => ColumnType::Boolean,
        "int" | "long" => ColumnType::Int64,
        "double" | "percent" | "currency" => ColumnType::Float64,
        "date" => ColumnType::Date,
        "datetime" => ColumnType::Timestamp,
        "time" => ColumnType::Time,
        _ => ColumnType::Text,
    }
}

/// How values of the column are written on the wire. Types that vary by record, and unknown ones, keep their JSON text.
pub(crate) fn syntax(column: &Column) -> Syntax {
    match column.ty {
        ColumnType::Boolean => Syntax::Boolean,
        ColumnType::Int64 => Syntax::Integer,
        ColumnType::Float64 => Syntax::Float,
        ColumnType::Decimal { scale } => Syntax::Decimal { scale },
        ColumnType::Date => Syntax::Date,
        ColumnType::Timestamp => Syntax::Timestamp,
        ColumnType::Time => Syntax::Time,
        ColumnType::Text => match column.remote_type.as_str() {
            "id" | "reference" | "indirectreference" | "string" | "email" | "phone" | "url" | "textarea"
            | "picklist" | "multipicklist" | "combobox" | "encryptedstring" | "base64" => Syntax::Text,
            _ => Syntax::Json,
        },
    }
}

/// Objects that answer only with a certain filter, and which.
///
/// Source: SOQL and SOSL Reference, "SOQL Object Limits and Limitations", read 2026-11.
const REQUIRED_FILTERS: &[(&str, &str)] = &[
    ("ColorDefinition", "filter by tabdefinitionid"),
    (
        "ContentDocumentLink",
        "filter by id, contentdocumentid or linkedentityid",
    ),
    ("ContentFolderItem", "filter by id or parentcontentfolderid"),
    (
        "ContentFolderMember",
        "filter by id, parentcontentfolderid or childrecordid",
    ),
    (
        "ContentHubItem",
        "filter by id, externalid or contenthubrepositoryid",
    ),
    ("DataStatistics", "filter by exttype, type or userid"),
    ("EntityParticle", "filter by entitydefinitionid or durableid"),
    ("FieldDefinition", "filter by entitydefinitionid or durableid"),
    ("FlexQueueItem", "filter by jobtype"),
    ("FlowVariableView", "filter by flowversionviewid or durableid"),
    ("FlowVersionView", "filter by flowdefinitionviewid or durableid"),
    ("IconDefinition", "filter by tabdefinitionid"),
    ("IdeaComment", "filter by id, ideaid or communityid"),
    (
        "OwnerChangeOptionInfo",
        "filter by entitydefinitionid or durableid",
    ),
    ("PicklistValueInfo", "filter by entityparticleid or durableid"),
    ("RelationshipDomain", "filter by parentsobjectid or durableid"),
    ("RelationshipInfo", "filter by parentsobjectid or durableid"),
    ("SearchLayout", "filter by entitydefinitionid or durableid"),
    ("UserEntityAccess", "filter by userid and entitydefinitionid"),
    ("UserFieldAccess", "filter by userid and entitydefinitionid"),
    ("UserRecordAccess", "filter by userid and recordid"),
    ("Vote", "filter by parentid, parent.type or id"),
];

fn required_filter(object: &str) -> Option<String> {
    if object.ends_with("__b") {
        return Some("a big object is filtered by its index fields, from the first on".to_owned());
    }
    REQUIRED_FILTERS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(object))
        .map(|(_, filter)| (*filter).to_owned())
}

#[cfg(test)]
mod tests;
