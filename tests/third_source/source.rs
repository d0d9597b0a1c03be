//! The shop as a source: what a third remote system has to say, and nothing else.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use causeway_core::decode::{DecodeError, Layout, Output, Syntax};
use causeway_core::http::{
    AuthConfig, Classify, JwtStyle, OAuthStyle, Request, Response, Transport, TransportLimits,
};
use causeway_core::time::format_date;
use causeway_core::{
    Atom, Column, ColumnType, Condition, Constant, Cursor, Dialect, Error, Kind, Ledger, Literal, Next, Op,
    Operand, Origin, Page, Principal, QueryContext, RawPage, RemoteOp, RemoteQuery, RequestLimits, Source,
    SourceState, Table, TableName, Verdict, make_names_unique,
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// The shop.
#[derive(Debug)]
pub(crate) struct ShopSource {
    name: Arc<str>,
    transport: Transport,
    table: OnceCell<Arc<Table>>,
}

impl ShopSource {
    pub(crate) fn try_new(name: &str, url: &str, token: &str, ledger: Ledger) -> Result<Self, Error> {
        let name: Arc<str> = name.into();
        let auth = AuthConfig::BearerToken {
            token: token.to_owned().into(),
        };
        let style = OAuthStyle {
            token_path: "",
            jwt: JwtStyle {
                audience: None,
                single_use: false,
                sends_client: false,
                lifetime: Duration::from_secs(60),
            },
            api_key_header: "authorization",
        };
        let limits = TransportLimits {
            concurrent_calls: 4,
            calls_per_second: NonZeroU32::new(1000),
            timeout: Duration::from_secs(10),
            reserve: None,
        };
        let transport = Transport::try_new(&name, url, (auth, style), Box::new(Answers), limits, ledger)?;
        Ok(Self {
            name,
            transport,
            table: OnceCell::new(),
        })
    }

    async fn described(&self, context: &QueryContext) -> Result<&Arc<Table>, Error> {
        let described = self.table.get_or_try_init(|| async {
            let answer = self
                .transport
                .send(context, &Request::get("/v1/tables", "tables"))
                .await?;
            let broken = || Error::new(&self.name, Kind::Transient, "the description can't be read");
            let answer: Value = serde_json::from_slice(&answer.body).map_err(|_| broken())?;
            let table = table(&self.name, answer.pointer("/tables/0").ok_or_else(broken)?);
            table.map(Arc::new).ok_or_else(broken)
        });
        described.await
    }
}

/// The statuses of the shop.
#[derive(Debug)]
struct Answers;

impl Classify for Answers {
    fn classify(&self, origin: &Arc<str>, response: &Response) -> Result<(), Error> {
        let kind = match response.status {
            200 => return Ok(()),
            401 => Kind::SignIn,
            400 => Kind::Malformed,
            500.. => Kind::Transient,
            _ => Kind::Forbidden,
        };
        Err(Error::new(origin, kind, response.excerpt()))
    }

    fn is_expired_session(&self, _: &Response) -> bool {
        false
    }
}

fn table(source: &Arc<str>, described: &Value) -> Option<Table> {
    let text = |value: &Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let mut columns = Vec::new();
    for field in described.get("fields")?.as_array()? {
        let (name, kind) = (text(field, "name")?, text(field, "kind")?);
        let ty = match kind.as_str() {
            "integer" => ColumnType::Int64,
            "amount" => ColumnType::Decimal { scale: 4 },
            "flag" => ColumnType::Boolean,
            "day" => ColumnType::Date,
            _ => ColumnType::Text,
        };
        columns.push(Column {
            name: name.to_lowercase().replace('.', "_"),
            filterable: true,
            case_sensitive: true,
            ..Column::field(name, ty, kind)
        });
    }
    make_names_unique(&mut columns);
    let position = |field: &str| {
        columns
            .iter()
            .position(|column| column.remote_field() == Some(field))
    };
    let key = described.get("key")?.as_array()?.iter();
    let name = text(described, "name")?;
    Some(Table {
        source: Arc::clone(source),
        key: key
            .map(|field| position(field.as_str()?))
            .collect::<Option<_>>()?,
        domain: position("team"),
        name: TableName {
            remote: name.clone(),
            label: text(described, "title")?,
            name,
        },
        columns,
        url_template: String::new(),
        required_filter: None,
    })
}

#[async_trait]
impl Source for ShopSource {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "shop"
    }

    fn url(&self) -> &str {
        self.transport.base()
    }

    fn state(&self) -> SourceState {
        SourceState {
            state: "ok".to_owned(),
            load: self.transport.load(),
            ..SourceState::default()
        }
    }

    fn dialect(&self) -> &dyn Dialect {
        &ShopDialect
    }

    fn limits(&self) -> RequestLimits {
        RequestLimits {
            request_bytes: 64 << 10,
            concurrent_scans: 2,
        }
    }

    async fn sign_in(&self, context: &QueryContext) -> Result<(), Error> {
        self.described(context).await.map(|_| ())
    }

    async fn tables(&self, context: &QueryContext) -> Result<Arc<Vec<TableName>>, Error> {
        Ok(Arc::new(vec![self.described(context).await?.name.clone()]))
    }

    fn known_tables(&self, _: &Principal) -> Option<Arc<Vec<TableName>>> {
        self.table.get().map(|table| Arc::new(vec![table.name.clone()]))
    }

    async fn table(&self, context: &QueryContext, name: &str) -> Result<Arc<Table>, Error> {
        let table = self.described(context).await?;
        if table.name.name == name {
            return Ok(Arc::clone(table));
        }
        Err(Error::new(
            &self.name,
            Kind::UnknownTable,
            format!("the shop has no table '{name}'"),
        ))
    }

    fn described_tables(&self, _: &Principal) -> Vec<Arc<Table>> {
        self.table.get().into_iter().cloned().collect()
    }

    async fn describe_all(&self, context: &QueryContext) -> Result<(), Error> {
        self.described(context).await.map(|_| ())
    }

    /// Each person sees the rows of their teams, and nobody else's: no team is everyone's, whatever it is called.
    async fn row_scope(&self, context: &QueryContext, _: &Table) -> Result<BTreeSet<String>, Error> {
        let principal = &context.principal;
        Ok(principal
            .domain
            .iter()
            .chain(&principal.visible_domains)
            .cloned()
            .collect())
    }

    async fn fetch(
        &self,
        context: &QueryContext,
        query: &RemoteQuery,
        cursor: Option<&Cursor>,
    ) -> Result<RawPage, Error> {
        let after: Option<u64> = cursor.and_then(|cursor| cursor.0.parse().ok());
        let mut body = asked(query)?;
        body["after"] = json!(after);
        let request = Request::post("/v1/customers/query", &*query.table.name.name, body.to_string())
            .with_remote_query(ShopDialect.render(query)?);
        let answer = self.transport.send(context, &request).await?;
        Ok(RawPage {
            body: answer.body.clone(),
            next: Next::AfterDecode,
            total: None,
            exchange: answer.exchange,
        })
    }

    fn decode(
        &self,
        _: &QueryContext,
        query: &RemoteQuery,
        _: Option<&Cursor>,
        page: &RawPage,
    ) -> Result<Page, Error> {
        let outputs = query
            .columns
            .iter()
            .filter_map(|&at| query.table.columns.get(at))
            .map(|column| Output {
                path: path(column),
                syntax: syntax(column.ty),
                empty_is_null: column.empty_is_null,
                template: None,
            });
        let layout = Layout::new(query.table.schema_of(&query.columns), "rows", outputs.collect());
        let decoded = layout.decode(&page.body, "number").map_err(|error| {
            let kind = match error {
                DecodeError::Damaged(_) => Kind::Transient,
                DecodeError::BadValue { .. } => Kind::BadValue,
            };
            Error::new(&self.name, kind, error.to_string()).with_table(&query.table.name.name)
        })?;
        let next = decoded.extras.get("next").and_then(Value::as_u64);
        Ok(Page {
            batch: decoded.batch,
            next: next.map(|at| Cursor(at.to_string())),
        })
    }
}

/// Keys from the record down to the value: a point in a name is a point, unless the manual says that it leads into an object.
fn path(column: &Column) -> Vec<String> {
    match column.remote_field() {
        Some("address.city") => vec!["address".to_owned(), "city".to_owned()],
        field => field.map(str::to_owned).into_iter().collect(),
    }
}

fn syntax(ty: ColumnType) -> Syntax {
    match ty {
        ColumnType::Boolean => Syntax::Boolean,
        ColumnType::Int64 => Syntax::Integer,
        ColumnType::Float64 => Syntax::Float,
        ColumnType::Decimal { scale } => Syntax::Decimal { scale },
        ColumnType::Text => Syntax::Text,
        ColumnType::Date => Syntax::Date,
        ColumnType::Timestamp => Syntax::Timestamp,
        ColumnType::Time => Syntax::Time,
    }
}

/// The body of a query.
fn asked(query: &RemoteQuery) -> Result<Value, Error> {
    let fields = query
        .columns
        .iter()
        .filter_map(|&at| query.table.columns.get(at)?.remote_field());
    let mut conditions: Vec<Value> = query
        .filters
        .iter()
        .map(|filter| said(&filter.condition))
        .collect();
    if let Some(keys) = &query.keys {
        let column = query.table.columns.get(keys.column);
        let among = column.map(|column| ShopDialect.atom(column, Op::In, &keys.values));
        let among = match among {
            Some(Verdict::Exact(condition)) => said(&condition),
            _ => {
                return Err(Error::new(
                    &query.table.source,
                    Kind::Malformed,
                    "these keys can't be asked for",
                ));
            }
        };
        conditions.push(match (keys.or_null, column.and_then(Column::remote_field)) {
            (true, Some(field)) => json!({"any": [among, {"field": field, "is": "missing"}]}),
            _ => among,
        });
    }
    Ok(json!({"fields": fields.collect::<Vec<_>>(), "where": {"all": conditions}}))
}

fn said(condition: &Condition) -> Value {
    let all = |parts: &[Condition]| parts.iter().map(said).collect::<Vec<_>>();
    match condition {
        Condition::All(parts) => json!({"all": all(parts)}),
        Condition::Any(parts) => json!({"any": all(parts)}),
        Condition::Never => json!({"any": []}),
        Condition::Atom(atom) => {
            let values: Vec<Value> = match &atom.operand {
                Operand::Value(constant) => vec![constant_of(constant)],
                Operand::List(constants) => constants.iter().map(constant_of).collect(),
                _ => Vec::new(),
            };
            let operator = match &atom.operator {
                RemoteOp::Other(word) => word.as_ref(),
                other => unreachable!("{other:?} is none of this source's"),
            };
            json!({"field": atom.field, "is": operator, "values": values})
        }
    }
}

fn constant_of(constant: &Constant) -> Value {
    match constant {
        Constant::Text(text) => json!(text),
        Constant::Plain(plain) => serde_json::from_str(plain).unwrap_or(Value::Null),
    }
}

/// What the shop's comparisons mean: what SQL's mean.
#[derive(Debug)]
struct ShopDialect;

impl Dialect for ShopDialect {
    fn atom(&self, column: &Column, op: Op, values: &[Literal]) -> Verdict {
        let Origin::Field(field) = &column.origin else {
            return Verdict::Never(Cow::Borrowed("the shop has no such field"));
        };
        let word = match op {
            Op::Eq | Op::In => "among",
            Op::NotEq | Op::NotIn => "not among",
            Op::Lt => "less",
            Op::LtEq => "at most",
            Op::Gt => "more",
            Op::GtEq => "at least",
            Op::IsNull => "missing",
            Op::IsNotNull => "present",
            Op::Like | Op::NotLike | Op::ILike | Op::NotILike => {
                return Verdict::Never(Cow::Borrowed("the shop has no patterns"));
            }
        };
        let constants: Option<Vec<Constant>> =
            values.iter().map(|value| constant(column.ty, value)).collect();
        match constants {
            Some(constants) => Verdict::Exact(Condition::Atom(Atom::new(
                field,
                RemoteOp::Other(Cow::Borrowed(word)),
                Operand::List(constants),
            ))),
            None => Verdict::Never(Cow::Borrowed("the value is none of the field's")),
        }
    }

    fn scan_name(&self) -> &'static str {
        "ShopScan"
    }

    fn render(&self, query: &RemoteQuery) -> Result<String, Error> {
        Ok(asked(query)?.to_string())
    }

    fn request_bytes(&self, query: &RemoteQuery) -> Result<usize, Error> {
        self.render(query).map(|text| text.len())
    }
}

fn constant(ty: ColumnType, value: &Literal) -> Option<Constant> {
    let text = |text: String| Some(Constant::Text(text));
    match (ty, value) {
        (ColumnType::Text, Literal::Text(value)) => text(value.clone()),
        (ColumnType::Int64, Literal::Int(value)) => Some(Constant::plain(value)),
        (ColumnType::Boolean, Literal::Boolean(value)) => Some(Constant::plain(value)),
        (ColumnType::Decimal { .. }, Literal::Decimal(value)) => text(value.to_string()),
        (ColumnType::Date, Literal::Date(days)) => text(format_date(*days)?),
        _ => None,
    }
}
