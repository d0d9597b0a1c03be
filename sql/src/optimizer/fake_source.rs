//! Two remote systems that exist for plans alone: they describe their tables, say what they can do, and are never asked for a row.
//!
//! `crm` has accounts and opportunities, `desk` has tickets that name an account and an opportunity of `crm`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use causeway_core::{
    AggregateFunction, Atom, Column, ColumnType, Condition, Cursor, Dialect, Error, Kind, Literal, Op,
    Operand, Page, Principal, QueryContext, RawPage, RemoteOp, RemoteQuery, RequestLimits, RowCount, Source,
    SourceState, Table, TableName, Verdict,
};

/// What a remote system can do. It filters all columns exactly but names, which it compares without case, and notes, by which it can't.
#[derive(Debug, Clone, Default)]
pub(super) struct Abilities {
    /// Sorts exactly as Arrow does.
    pub(super) sorts: bool,
    /// Gives the first rows of an order, with no promise.
    pub(super) gives_first: bool,
    /// Groups and aggregates exactly as Arrow does.
    pub(super) groups: bool,
    /// Sums nothing to NULL, as SQL does.
    pub(super) sums_nothing_to_null: bool,
    /// Keys of a join narrow the rows that are grouped.
    pub(super) narrows_groups: bool,
    /// Shows every parent that a reference names, along a path.
    pub(super) sees_every_parent: bool,
    /// Conditions over other tables in one query.
    pub(super) semi_joins: usize,
    /// Rows of a table, where they were counted.
    pub(super) rows: BTreeMap<&'static str, u64>,
}

/// One of the two systems.
#[derive(Debug)]
pub(super) struct FakeSource {
    name: Arc<str>,
    tables: Vec<Arc<Table>>,
    abilities: Abilities,
}

impl FakeSource {
    pub(super) fn crm(abilities: &Abilities) -> Self {
        let account = [
            column("id", ColumnType::Text),
            column("name", ColumnType::Text),
            column("note", ColumnType::Text),
            column("employees", ColumnType::Int64),
        ];
        let opportunity = [
            column("id", ColumnType::Text),
            column("name", ColumnType::Text),
            reference("accountid", "Account"),
            column("amount", ColumnType::Float64),
            column("isclosed", ColumnType::Boolean),
        ];
        Self::new(
            "crm",
            abilities,
            vec![("Account", account.into()), ("Opportunity", opportunity.into())],
        )
    }

    pub(super) fn desk(abilities: &Abilities) -> Self {
        let ticket = [
            column("id", ColumnType::Text),
            column("account", ColumnType::Text),
            column("opportunity", ColumnType::Text),
            column("priority", ColumnType::Int64),
        ];
        Self::new("desk", abilities, vec![("Ticket", ticket.into())])
    }

    fn new(name: &str, abilities: &Abilities, tables: Vec<(&str, Vec<Column>)>) -> Self {
        let source: Arc<str> = name.into();
        let table = |(remote, columns): (&str, Vec<Column>)| {
            Arc::new(Table {
                source: Arc::clone(&source),
                name: TableName {
                    name: remote.to_lowercase(),
                    remote: remote.to_owned(),
                    label: remote.to_owned(),
                },
                columns,
                key: vec![0],
                domain: None,
                url_template: String::new(),
                required_filter: None,
            })
        };
        Self {
            tables: tables.into_iter().map(table).collect(),
            name: Arc::clone(&source),
            abilities: abilities.clone(),
        }
    }

    fn no_call(&self) -> Error {
        Error::new(&self.name, Kind::Internal, "planning makes no call")
    }
}

fn column(name: &str, ty: ColumnType) -> Column {
    Column::field(name, ty, "any")
}

fn reference(name: &str, parent: &str) -> Column {
    Column {
        references: vec![parent.to_owned()],
        relationship: Some(parent.to_owned()),
        ..column(name, ColumnType::Text)
    }
}

#[async_trait]
impl Source for FakeSource {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "fake"
    }

    fn url(&self) -> &'static str {
        "https://fake.example"
    }

    fn state(&self) -> SourceState {
        SourceState::default()
    }

    fn dialect(&self) -> &dyn Dialect {
        &self.abilities
    }

    fn limits(&self) -> RequestLimits {
        RequestLimits {
            request_bytes: 16_384,
            concurrent_scans: 4,
        }
    }

    async fn sign_in(&self, _: &QueryContext) -> Result<(), Error> {
        Ok(())
    }

    async fn tables(&self, context: &QueryContext) -> Result<Arc<Vec<TableName>>, Error> {
        self.known_tables(&context.principal)
            .ok_or_else(|| self.no_call())
    }

    fn known_tables(&self, _: &Principal) -> Option<Arc<Vec<TableName>>> {
        let names = self.tables.iter().map(|table| table.name.clone());
        Some(Arc::new(names.collect()))
    }

    async fn table(&self, _: &QueryContext, name: &str) -> Result<Arc<Table>, Error> {
        let found = self.tables.iter().find(|table| table.name.name == name);
        found
            .cloned()
            .ok_or_else(|| Error::new(&self.name, Kind::UnknownTable, "no such table"))
    }

    fn described_tables(&self, _: &Principal) -> Vec<Arc<Table>> {
        self.tables.clone()
    }

    async fn describe_all(&self, _: &QueryContext) -> Result<(), Error> {
        Ok(())
    }

    fn known_rows(&self, table: &str) -> Option<RowCount> {
        let rows = *self.abilities.rows.get(table)?;
        let counted = Instant::now();
        Some(RowCount { rows, counted })
    }

    async fn fetch(&self, _: &QueryContext, _: &RemoteQuery, _: Option<&Cursor>) -> Result<RawPage, Error> {
        Err(self.no_call())
    }

    fn decode(
        &self,
        _: &QueryContext,
        _: &RemoteQuery,
        _: Option<&Cursor>,
        _: &RawPage,
    ) -> Result<Page, Error> {
        Err(self.no_call())
    }
}

impl Dialect for Abilities {
    fn atom(&self, column: &Column, op: Op, values: &[Literal]) -> Verdict {
        let values: Vec<String> = values.iter().map(written).collect();
        let condition = atom(column, &format!("{} {}", op.sql(), values.join(", ")));
        match column.name.as_str() {
            "note" => Verdict::Never("notes can't be filtered by".into()),
            "name" => Verdict::Superset(condition, "without case there".into()),
            _ => Verdict::Exact(condition),
        }
    }

    /// Ids are held in upper case.
    fn normalized(&self, column: &Column, value: &Literal) -> Option<Literal> {
        match value {
            Literal::Text(text) if column.name == "id" && *text != text.to_uppercase() => {
                Some(Literal::Text(text.to_uppercase()))
            }
            _ => None,
        }
    }

    fn sorts_like_arrow(&self, _: &Column) -> bool {
        self.sorts
    }

    fn sorts_values(&self, column: &Column) -> Result<(), &'static str> {
        match (column.name.as_str(), self.gives_first) {
            ("name", _) => Err("names are sorted without case there"),
            (_, true) => Ok(()),
            (_, false) => Err(""),
        }
    }

    fn groups_like_arrow(&self, column: &Column) -> bool {
        self.groups && column.name != "name"
    }

    fn aggregates_like_arrow(&self, _: &Table, _: AggregateFunction, _: Option<&Column>) -> bool {
        self.groups
    }

    fn narrows_groups(&self) -> bool {
        self.narrows_groups
    }

    fn sums_nothing_to_null(&self) -> bool {
        self.sums_nothing_to_null
    }

    fn semi_join(&self, _: &Table, column: &Column, inner: &RemoteQuery, negated: bool) -> Option<Condition> {
        let not = if negated { "NOT " } else { "" };
        let inner = self.render(inner).ok()?;
        Some(atom(column, &format!("{not}IN ({inner})")))
    }

    fn most_semi_joins(&self) -> usize {
        self.semi_joins
    }

    fn sees_every_parent(&self) -> bool {
        self.sees_every_parent
    }

    fn parent_column(&self, reference: &Column, _: &Table, column: &Column) -> Option<Column> {
        let relationship = reference.relationship.clone()?;
        let path = format!("{relationship}.{}", column.name);
        Some(Column {
            through: Some(relationship),
            ..Column::field(path, column.ty, "any")
        })
    }

    fn scan_name(&self) -> &'static str {
        "FakeScan"
    }

    fn query_label(&self) -> &'static str {
        "q"
    }

    fn render(&self, query: &RemoteQuery) -> Result<String, Error> {
        let table = &query.table;
        let name = |at: &usize| table.columns[*at].name.clone();
        let mut outputs: Vec<String> = query.columns.iter().map(name).collect();
        let grouping = query.grouping.iter();
        for grouping in grouping.clone() {
            outputs.extend(grouping.keys.iter().map(name));
            outputs.extend(grouping.aggregates.iter().map(|aggregate| {
                let of = aggregate.column.as_ref().map_or("*".to_owned(), name);
                let distinct = match aggregate.function {
                    AggregateFunction::CountDistinct => "DISTINCT ",
                    _ => "",
                };
                format!("{}({distinct}{of})", aggregate.function.sql())
            }));
        }
        let mut text = format!("SELECT {} FROM {}", outputs.join(", "), table.name.name);
        let conditions: Vec<String> = query
            .filters
            .iter()
            .map(|filter| said(&filter.condition))
            .collect();
        if !conditions.is_empty() {
            text += &format!(" WHERE {}", conditions.join(" AND "));
        }
        for grouping in grouping.filter(|grouping| !grouping.keys.is_empty()) {
            let keys: Vec<String> = grouping.keys.iter().map(name).collect();
            text += &format!(" GROUP BY {}", keys.join(", "));
        }
        for order in &query.order {
            let direction = if order.descending { " DESC" } else { "" };
            text += &format!(" ORDER BY {}{direction}", name(&order.column));
        }
        if let Some(limit) = query.limit {
            text += &format!(" LIMIT {limit}");
        }
        Ok(text)
    }

    fn request_bytes(&self, query: &RemoteQuery) -> Result<usize, Error> {
        self.render(query).map(|text| text.len())
    }
}

fn written(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => format!("'{text}'"),
        Literal::Boolean(value) => value.to_string(),
        Literal::Int(value) => value.to_string(),
        Literal::Float(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

/// A condition on the column: what stands behind its name in the query.
fn atom(column: &Column, words: &str) -> Condition {
    Condition::Atom(Atom {
        field: column.name.clone(),
        operator: RemoteOp::Other(words.trim_end().to_owned().into()),
        operand: Operand::None,
    })
}

fn said(condition: &Condition) -> String {
    let all = |parts: &[Condition], with: &str| parts.iter().map(said).collect::<Vec<_>>().join(with);
    match condition {
        Condition::Atom(atom) => match &atom.operator {
            RemoteOp::Other(words) => format!("{} {words}", atom.field),
            operator => panic!("{operator:?} is none of this source's"),
        },
        Condition::All(parts) => all(parts, " AND "),
        Condition::Any(parts) => format!("({})", all(parts, " OR ")),
        Condition::Never => "FALSE".to_owned(),
    }
}
