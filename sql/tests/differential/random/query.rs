//! Random queries: one table, joins, semi-joins, groupings, set operations.

use super::catalog::{Catalog, Column, EDGES, Edge, Table, Type};
use super::dice::Dice;
use super::predicate::{Maker, Scoped};
use super::text::{Condition, Rendered, Sql, render};
use crate::answer::Comparison;

/// A query in parts that can be taken away.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    distinct: bool,
    select: Vec<Item>,
    from: Sql,
    condition: Option<Condition>,
    /// Positions in `select`.
    group_by: Vec<usize>,
    having: Option<Sql>,
    order_by: Vec<Sort>,
    /// Whether the keys of all tables follow in the order, which leaves no choice.
    total: bool,
    /// Expressions that tell rows of FROM apart.
    keys: Vec<String>,
    limit: Option<usize>,
    offset: Option<usize>,
}

#[derive(Debug, Clone)]
struct Item {
    sql: String,
    /// Whether it is a sum or an average of doubles.
    rounded: bool,
}

#[derive(Debug, Clone)]
struct Sort {
    /// Position in `select`.
    item: usize,
    direction: &'static str,
}

const ALIASES: [&str; 3] = ["a", "b", "c"];
const DIRECTIONS: [&str; 7] = [
    "",
    " ASC",
    " DESC",
    " NULLS FIRST",
    " DESC NULLS LAST",
    " DESC NULLS FIRST",
    " ASC NULLS LAST",
];

/// Makes one query.
pub(crate) fn random(catalog: &Catalog, dice: &mut Dice) -> Query {
    let parameters = if dice.chance(25) { 60 } else { 0 };
    let mut maker = Maker { dice, parameters };
    let shape = maker.dice.below(100);
    let (scope, from) = match shape {
        0..=59 => single(catalog, maker.dice),
        _ => joined(catalog, &mut maker),
    };
    let mut condition = maker.dice.chance(90).then(|| maker.condition(&scope, 2));
    if maker.dice.chance(14)
        && let Some(subquery) = subquery(catalog, &mut maker, &scope)
    {
        condition = Some(match condition {
            Some(condition) => Condition::And(vec![condition, subquery]),
            None => subquery,
        });
    }
    let mut query = Query {
        distinct: false,
        select: Vec::new(),
        keys: scope
            .iter()
            .map(|scoped| format!("{}.{}", scoped.alias, scoped.table.key()))
            .collect(),
        from,
        condition,
        group_by: Vec::new(),
        having: None,
        order_by: Vec::new(),
        total: false,
        limit: None,
        offset: None,
    };
    match maker.dice.below(10) {
        0..=2 => grouped(&mut query, &scope, &mut maker),
        3 => distinct(&mut query, &scope, maker.dice),
        _ => plain(&mut query, &scope, maker.dice),
    }
    query
}

fn choose_table<'a>(catalog: &'a Catalog, dice: &mut Dice) -> &'a Table {
    let weights: Vec<(u32, &Table)> = catalog.tables.iter().map(|table| (table.weight, table)).collect();
    *dice.weighted(&weights)
}

fn single<'a>(catalog: &'a Catalog, dice: &mut Dice) -> (Vec<Scoped<'a>>, Sql) {
    let table = choose_table(catalog, dice);
    let from = Sql::text(format!("{} a", table.name));
    (vec![Scoped { alias: "a", table }], from)
}

/// Two or three tables along references; the kinds of join and conditions in ON vary.
fn joined<'a>(catalog: &'a Catalog, maker: &mut Maker<'_>) -> (Vec<Scoped<'a>>, Sql) {
    let first = *maker.dice.pick(EDGES);
    // A self-join, or a join of two large tables, is left to fewer queries: they cost most of the time.
    let heavy = |edge: &Edge| catalog.table(edge.child).rows > 2500;
    let first = if heavy(&first) && maker.dice.chance(70) {
        *maker.dice.pick(EDGES)
    } else {
        first
    };
    let (child, parent) = (catalog.table(first.child), catalog.table(first.parent));
    let mut scope = vec![Scoped {
        alias: ALIASES[0],
        table: child,
    }];
    let mut from = Sql::text(format!("{} a", child.name));
    let parent = Scoped {
        alias: ALIASES[1],
        table: parent,
    };
    from = join(
        from,
        maker,
        &scope,
        parent,
        &format!("a.{} = b.{}", first.column, first.key),
    );
    scope.push(parent);
    let onward: Vec<&Edge> = EDGES
        .iter()
        .filter(|edge| edge.child == first.parent || edge.child == first.child)
        .collect();
    if maker.dice.chance(25) && !onward.is_empty() {
        let second = **maker.dice.pick(&onward);
        let from_alias = if second.child == first.child { "a" } else { "b" };
        let third = Scoped {
            alias: ALIASES[2],
            table: catalog.table(second.parent),
        };
        let on = format!("{from_alias}.{} = c.{}", second.column, second.key);
        from = join(from, maker, &scope, third, &on);
        scope.push(third);
    }
    (scope, from)
}

fn join(from: Sql, maker: &mut Maker<'_>, scope: &[Scoped<'_>], new: Scoped<'_>, on: &str) -> Sql {
    let kind = *maker
        .dice
        .weighted(&[(5, "JOIN"), (4, "LEFT JOIN"), (2, "RIGHT JOIN"), (1, "FULL JOIN")]);
    let from = from.and_text(format!(" {kind} {} {} ON {on}", new.table.name, new.alias));
    // PostgreSQL has full joins only where an equality is the whole condition or can be merged.
    if kind == "FULL JOIN" || !maker.dice.chance(25) {
        return from;
    }
    let mut both = scope.to_vec();
    both.push(new);
    let more = maker.condition(&both, 0);
    from.and_text(" AND ").and(more.sql())
}

/// `IN (SELECT …)`, `NOT IN`, `EXISTS`, `NOT EXISTS` along a reference from or to a table in scope.
fn subquery(catalog: &Catalog, maker: &mut Maker<'_>, scope: &[Scoped<'_>]) -> Option<Condition> {
    let outer = *maker.dice.pick(scope);
    let edges: Vec<(&Edge, bool)> = EDGES
        .iter()
        .flat_map(|edge| [(edge, true), (edge, false)])
        .filter(|(edge, down)| if *down { edge.parent } else { edge.child } == outer.table.name)
        .collect();
    if edges.is_empty() {
        return None;
    }
    let (edge, down) = *maker.dice.pick(&edges);
    let (inner_name, inner_column, outer_column) = if down {
        (edge.child, edge.column, edge.key)
    } else {
        (edge.parent, edge.key, edge.column)
    };
    let inner = Scoped {
        alias: "s",
        table: catalog.table(inner_name),
    };
    let condition = maker.condition(&[inner], 1).sql();
    let outer_name = format!("{}.{outer_column}", outer.alias);
    let sql = match maker.dice.below(8) {
        0..=2 => Sql::text(format!("{outer_name} IN (SELECT s.{inner_column} FROM {inner_name} s WHERE "))
            .and(condition)
            .and_text(")"),
        3 => Sql::text(format!("{outer_name} NOT IN (SELECT s.{inner_column} FROM {inner_name} s WHERE s.{inner_column} IS NOT NULL AND "))
            .and(condition)
            .and_text(")"),
        4 => Sql::text(format!("{outer_name} NOT IN (SELECT s.{inner_column} FROM {inner_name} s WHERE "))
            .and(condition)
            .and_text(")"),
        5 | 6 => Sql::text(format!("EXISTS (SELECT 1 FROM {inner_name} s WHERE s.{inner_column} = {outer_name} AND "))
            .and(condition)
            .and_text(")"),
        _ => Sql::text(format!("NOT EXISTS (SELECT 1 FROM {inner_name} s WHERE s.{inner_column} = {outer_name} AND "))
            .and(condition)
            .and_text(")"),
    };
    Some(Condition::Atom(sql))
}

fn item(sql: impl Into<String>) -> Item {
    Item {
        sql: sql.into(),
        rounded: false,
    }
}

/// A column, or now and then an expression of it.
fn output(scope: &[Scoped<'_>], dice: &mut Dice) -> Item {
    let scoped = *dice.pick(scope);
    let column = scoped.some_column(dice);
    let name = scoped.qualified(column);
    if dice.chance(80) {
        return item(name);
    }
    if dice.chance(25) {
        return item(format!("{name}::text"));
    }
    item(match column.ty {
        Type::Boolean => format!("NOT {name}"),
        Type::Integer => (*dice.pick(&[
            format!("coalesce({name}, -1)"),
            format!("{name} / 7"),
            format!("{name} * 1.5"),
            format!("{name} / 2.0"),
        ]))
        .clone(),
        Type::Double => (*dice.pick(&[
            format!("abs({name})"),
            // Not `round` nor `ceil`, which give PostgreSQL's negative zero.
            format!("floor({name})"),
            format!("{name} / 3"),
        ]))
        .clone(),
        Type::Text => (*dice.pick(&[
            format!("coalesce({name}, 'none')"),
            format!("length({name})"),
            format!("left({name}, 3)"),
            format!("CASE WHEN {name} IS NULL THEN 'no' ELSE 'yes' END"),
        ]))
        .clone(),
        Type::Date => format!("extract(year FROM {name})"),
        Type::Moment => format!("{name}::date"),
        Type::Time => name,
    })
}

fn plain(query: &mut Query, scope: &[Scoped<'_>], dice: &mut Dice) {
    let count = 1 + dice.below(4);
    query.select = (0..count).map(|_| output(scope, dice)).collect();
    if dice.chance(55) {
        order(query, dice);
        query.total = dice.chance(60);
    }
    if query.total && dice.chance(60) {
        query.limit = Some(*dice.pick(&[0, 1, 3, 10, 100]));
        query.offset = dice.chance(35).then(|| *dice.pick(&[0, 1, 5, 200]));
    }
}

fn distinct(query: &mut Query, scope: &[Scoped<'_>], dice: &mut Dice) {
    query.distinct = true;
    let count = 1 + dice.below(2);
    query.select = (0..count)
        .map(|_| {
            let scoped = *dice.pick(scope);
            item(scoped.qualified(category(scoped, dice)))
        })
        .collect();
    query.keys.clear();
    order_by_all(query, dice);
}

/// Orders by every output column, so that nothing is left to choose, and perhaps limits.
fn order_by_all(query: &mut Query, dice: &mut Dice) {
    if dice.chance(50) {
        let items = query.group_by.clone();
        let items = if items.is_empty() && query.distinct {
            (0..query.select.len()).collect()
        } else {
            items
        };
        query.order_by = items
            .into_iter()
            .map(|item| Sort {
                item,
                direction: *dice.pick(&DIRECTIONS),
            })
            .collect();
        query.total = !query.order_by.is_empty();
        if query.total && dice.chance(40) {
            query.limit = Some(*dice.pick(&[1, 3, 10]));
            query.offset = dice.chance(30).then(|| dice.below(4));
        }
    }
}

fn order(query: &mut Query, dice: &mut Dice) {
    let count = 1 + dice.below(2);
    query.order_by = (0..count)
        .map(|_| Sort {
            item: dice.below(query.select.len()),
            direction: *dice.pick(&DIRECTIONS),
        })
        .collect();
}

/// A column with few values, if the table has one.
fn category<'a>(scoped: Scoped<'a>, dice: &mut Dice) -> &'a Column {
    let few: Vec<&Column> = scoped
        .table
        .columns
        .iter()
        .filter(|column| column.is_category)
        .collect();
    if few.is_empty() || dice.chance(15) {
        scoped.some_column(dice)
    } else {
        *dice.pick(&few)
    }
}

fn grouped(query: &mut Query, scope: &[Scoped<'_>], maker: &mut Maker<'_>) {
    let keys = *maker.dice.weighted(&[(3, 0), (5, 1), (2, 2)]);
    for at in 0..keys {
        let scoped = *maker.dice.pick(scope);
        let column = category(scoped, maker.dice);
        let name = scoped.qualified(column);
        let sql = match column.ty {
            Type::Moment | Type::Date if maker.dice.chance(60) => format!("extract(year FROM {name})"),
            Type::Text if maker.dice.chance(15) => format!("left({name}, 1)"),
            _ => name,
        };
        query.select.push(item(sql));
        query.group_by.push(at);
    }
    let count = 1 + maker.dice.below(3);
    for _ in 0..count {
        query.select.push(aggregate(scope, maker.dice));
    }
    query.keys.clear();
    if keys > 0 && maker.dice.chance(30) {
        let scoped = *maker.dice.pick(scope);
        let column = scoped.some_column(maker.dice);
        let name = scoped.qualified(column);
        query.having = Some(Sql::text(match maker.dice.below(3) {
            0 => format!("count(*) > {}", maker.dice.below(30)),
            1 => format!("count({name}) >= {}", maker.dice.below(10)),
            _ => format!("count(DISTINCT {name}) <= {}", maker.dice.below(10)),
        }));
    }
    order_by_all(query, maker.dice);
}

fn aggregate(scope: &[Scoped<'_>], dice: &mut Dice) -> Item {
    let scoped = *dice.pick(scope);
    let column = scoped.some_column(dice);
    let name = scoped.qualified(column);
    match dice.below(8) {
        0 | 1 => item("count(*)"),
        2 => item(format!("count({name})")),
        3 => item(format!("count(DISTINCT {name})")),
        4 if column.ty == Type::Boolean => item(format!("count(*) FILTER (WHERE {name})")),
        4..=5 if column.ty != Type::Boolean => item(format!("min({name})")),
        6 if column.ty != Type::Boolean => item(format!("max({name})")),
        _ if column.ty == Type::Double => Item {
            rounded: true,
            ..item(format!("{}({name})", dice.pick(&["sum", "avg"])))
        },
        _ if column.ty == Type::Integer => item(format!("{}({name})", dice.pick(&["sum", "avg"]))),
        _ => item("count(*)"),
    }
}

impl Query {
    /// The statement.
    pub(crate) fn rendered(&self) -> Rendered {
        let items: Vec<&str> = self.select.iter().map(|item| item.sql.as_str()).collect();
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        let mut sql =
            Sql::text(format!("SELECT {distinct}{} FROM ", items.join(", "))).and(self.from.clone());
        if let Some(condition) = &self.condition {
            sql = sql.and_text(" WHERE ").and(condition.sql());
        }
        if !self.group_by.is_empty() {
            let keys: Vec<String> = self.group_by.iter().map(|at| (at + 1).to_string()).collect();
            sql = sql.and_text(format!(" GROUP BY {}", keys.join(", ")));
        }
        if let Some(having) = &self.having {
            sql = sql.and_text(" HAVING ").and(having.clone());
        }
        let mut order: Vec<String> = self
            .order_by
            .iter()
            .map(|sort| format!("{}{}", sort.item + 1, sort.direction))
            .collect();
        if self.total {
            order.extend(self.keys.iter().cloned());
        }
        if !order.is_empty() {
            sql = sql.and_text(format!(" ORDER BY {}", order.join(", ")));
        }
        if let Some(limit) = self.limit {
            sql = sql.and_text(format!(" LIMIT {limit}"));
        }
        if let Some(offset) = self.offset {
            sql = sql.and_text(format!(" OFFSET {offset}"));
        }
        render(&sql)
    }

    /// How answers to it are compared.
    pub(crate) fn comparison(&self) -> Comparison {
        Comparison {
            ordered_by: self.order_by.iter().map(|sort| sort.item).collect(),
            total: self.total,
            rounded: (0..self.select.len())
                .filter(|at| self.select[*at].rounded)
                .collect(),
        }
    }

    /// Smaller queries that may still show the same difference.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut found = Vec::new();
        let mut add = |change: &dyn Fn(&mut Self)| {
            let mut smaller = self.clone();
            change(&mut smaller);
            found.push(smaller);
        };
        if self.limit.is_some() {
            add(&|query| (query.limit, query.offset) = (None, None));
        }
        if !self.order_by.is_empty() && self.limit.is_none() {
            add(&|query| {
                query.order_by.clear();
                query.total = false;
            });
        }
        if self.having.is_some() {
            add(&|query| query.having = None);
        }
        if self.condition.is_some() {
            add(&|query| query.condition = None);
        }
        if self.order_by.is_empty() && self.select.len() > self.group_by.len().max(1) {
            for at in self.group_by.len()..self.select.len() {
                add(&|query| drop(query.select.remove(at)));
            }
        }
        if let Some(condition) = &self.condition {
            for smaller in condition.smaller() {
                add(&|query| query.condition = Some(smaller.clone()));
            }
        }
        found
    }
}
