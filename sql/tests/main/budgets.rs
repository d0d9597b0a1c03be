//! What typical queries cost, against the requests that a careful programmer would write for them.
//!
//! `sql/budgets/*.toml` holds each query and its script; `sql/budgets/README.md` is the table that comes of it. `UPDATE_BUDGETS=1`
//! writes the table again, `BUDGET=word` measures only the queries whose name holds the word and prints what was asked. `BUDGET_SCALE=20`
//! does the same for the queries over both systems in orgs of that scale, with `scale-20.md`; `.ci/run` does so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use causeway_sandbox::log::Entry;
use serde::Deserialize;

use crate::by_hand::{Script, Step};
use crate::fixture::{World, rows, world_of_scale, world_with};

/// Fewest queries that the budgets must hold.
const FEWEST: usize = 60;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budgets {
    query: Vec<Budget>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    name: String,
    sql: String,
    /// What the script asks for. It must be enough for the very answer that SQL gives.
    by_hand: Vec<Step>,
    /// Why the engine may need more than the script.
    reason: Option<String>,
    /// Why it may need more calls in larger orgs.
    reason_at_scale: Option<String>,
}

impl Budget {
    fn why_more(&self, at_scale: bool) -> Option<&str> {
        let at_scale = self.reason_at_scale.as_deref().filter(|_| at_scale);
        self.reason.as_deref().or(at_scale)
    }
}

/// What reached the orgs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Cost {
    calls: usize,
    rows: usize,
    bytes: usize,
}

impl Cost {
    fn of(entries: &[Entry]) -> Self {
        entries.iter().fold(Self::default(), |cost, entry| Self {
            calls: cost.calls + 1,
            rows: cost.rows + entry.rows,
            bytes: cost.bytes + entry.bytes,
        })
    }

    /// Aliases, ids and how well a body compresses may cost a little.
    fn within(self, budget: Self) -> bool {
        self.calls <= budget.calls
            && self.rows <= budget.rows
            && self.bytes <= budget.bytes + budget.bytes / 50 + 200
    }

    /// Whether it is the same as when it was measured last; bodies compress a little differently from time to time.
    fn is_about(self, measured: Self) -> bool {
        self.calls == measured.calls
            && self.rows == measured.rows
            && self.bytes.abs_diff(measured.bytes) <= measured.bytes / 100 + 50
    }
}

/// A budget with what was measured.
struct Measured {
    budget: Budget,
    ours: Cost,
    by_hand: Cost,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("budgets")
}

fn budgets() -> Vec<Budget> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the budgets")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a readable file");
        let budgets: Budgets =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        all.extend(budgets.query);
    }
    let names: BTreeSet<&str> = all.iter().map(|budget| budget.name.as_str()).collect();
    assert_eq!(names.len(), all.len(), "every budget has its own name");
    all
}

fn data_calls(world: &World) -> Vec<Entry> {
    let mut entries = world.salesforce.log().data_calls();
    entries.extend(world.servicenow.log().data_calls());
    entries
}

fn shown(entries: &[Entry]) -> String {
    let lines = entries.iter().map(|entry| {
        let query = entry.remote_query.as_deref().unwrap_or_default();
        let query: String = query.chars().take(300).collect();
        format!(
            "\n    {} {query} [{}] {} rows, {} bytes",
            entry.path, entry.parameters, entry.rows, entry.bytes
        )
    });
    lines.collect()
}

/// Runs one budget both ways; tables are described already when it counts.
async fn measure(world: &World, script: &mut Script, budget: Budget, tell: bool) -> Measured {
    let session = world.session("admin").await;
    for _ in 0..2 {
        world.forget_requests();
        let answer = rows(&session, &budget.sql).await;
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", budget.name));
        assert!(!answer.is_empty(), "{}: no row proves nothing", budget.name);
        if tell {
            println!("{} rows such as {:?}", answer.len(), answer[0]);
        }
    }
    let ours = data_calls(world);
    world.forget_requests();
    script.run(&budget.by_hand).await;
    let by_hand = data_calls(world);
    let (cost, cost_by_hand) = (Cost::of(&ours), Cost::of(&by_hand));
    if tell || (budget.reason.is_none() && !cost.within(cost_by_hand)) {
        let name = &budget.name;
        println!("{name}\n  ours:{}\n  by hand:{}", shown(&ours), shown(&by_hand));
    }
    Measured {
        ours: cost,
        by_hand: cost_by_hand,
        budget,
    }
}

fn table(all: &[Measured], at_scale: bool) -> String {
    let mut text = "| query | calls | by hand | rows | by hand | bytes | by hand | why more |\n|---|--:|--:|--:|--:|--:|--:|---|\n".to_owned();
    for Measured {
        budget,
        ours,
        by_hand,
    } in all
    {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            budget.name,
            ours.calls,
            by_hand.calls,
            ours.rows,
            by_hand.rows,
            ours.bytes,
            by_hand.bytes,
            budget.why_more(at_scale).unwrap_or_default()
        )
        .expect("a string takes everything");
    }
    text
}

const INTRODUCTION: &str = "# Call budgets

What typical queries cost at the remote systems, beside the requests that a careful programmer would write for the same answer.
Calls, rows and body bytes (compressed, as sent) come from the practice orgs' own logs; tables have been described before.
The queries and the scripts are in the TOML files here; `sql/tests/main/budgets.rs` measures both and fails when a query costs more than its
script (two per cent and 200 bytes are granted) without a stated reason, or when a reason is no longer needed.
This page is written by `UPDATE_BUDGETS=1 cargo test -p causeway-sql --test main budgets`.

";

/// The figures of the table that was written last.
fn written(file: &str) -> BTreeMap<String, [Cost; 2]> {
    let text = fs::read_to_string(folder().join(file)).unwrap_or_default();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.split(" | ").collect();
        let number = |at: usize| cells.get(at)?.parse::<usize>().ok();
        let cost = |from: usize| {
            Some(Cost {
                calls: number(from)?,
                rows: number(from + 2)?,
                bytes: number(from + 4)?,
            })
        };
        Some((cells[0].to_owned(), [cost(1)?, cost(2)?]))
    });
    rows.collect()
}

/// `scale`: of the orgs, where that is not 1. There rows follow from which records there are, so only the calls are compared with the script.
fn faults(all: &[Measured], scale: Option<usize>) -> Vec<String> {
    let file = scale.map_or("README.md".to_owned(), |scale| format!("scale-{scale}.md"));
    let written = written(&file);
    let mut faults = Vec::new();
    for Measured {
        budget,
        ours,
        by_hand,
    } in all
    {
        let name = &budget.name;
        let is_within = match scale {
            None => ours.within(*by_hand),
            Some(_) => ours.calls <= by_hand.calls,
        };
        match (is_within, budget.why_more(scale.is_some())) {
            (false, None) => faults.push(format!("{name}: {ours:?} is more than {by_hand:?} by hand")),
            (true, Some(reason)) if scale.is_none() => {
                faults.push(format!("{name}: '{reason}' is no longer needed"));
            }
            _ => {}
        }
        let pinned = written.get(name);
        if !pinned.is_some_and(|[was, was_by_hand]| ours.is_about(*was) && by_hand.is_about(*was_by_hand)) {
            faults.push(format!(
                "{name}: {ours:?}, by hand {by_hand:?}; {file} says {pinned:?}"
            ));
        }
    }
    let stale = written
        .keys()
        .filter(|name| all.iter().all(|one| one.budget.name != **name));
    faults.extend(stale.map(|name| format!("{name}: is in {file} only")));
    faults
}

/// Measures the queries over both systems in larger orgs.
async fn measure_at(scale: usize) {
    let world = world_of_scale(scale).await;
    let mut script = Script::start(&world).await;
    let mut all = Vec::new();
    let chosen = budgets()
        .into_iter()
        .filter(|budget| budget.name.starts_with("cross: "));
    for budget in chosen {
        all.push(measure(&world, &mut script, budget, false).await);
    }
    let table = table(&all, true);
    println!("{table}");
    if std::env::var_os("UPDATE_BUDGETS").is_some() {
        let title = format!(
            "# Queries over both systems at scale {scale}\n\nMeasured as README.md says, in orgs {scale} times as large. \
             `BUDGET_SCALE={scale}` checks it; no query may make more calls than its script without a stated reason.\n\n"
        );
        let file = folder().join(format!("scale-{scale}.md"));
        fs::write(file, title + &table).expect("a written table");
    }
    let faults = faults(&all, Some(scale));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn no_query_costs_more_than_a_careful_script_without_a_stated_reason() {
    if let Ok(scale) = std::env::var("BUDGET_SCALE") {
        return measure_at(scale.parse().expect("BUDGET_SCALE is a number")).await;
    }
    let world = world_with(Vec::new()).await;
    let mut script = Script::start(&world).await;
    let only = std::env::var("BUDGET").ok();
    let chosen = budgets()
        .into_iter()
        .filter(|budget| only.as_ref().is_none_or(|word| budget.name.contains(word)));
    let mut all = Vec::new();
    for budget in chosen {
        all.push(measure(&world, &mut script, budget, only.is_some()).await);
    }
    let table = table(&all, false);
    println!("{table}");
    if only.is_some() {
        return;
    }
    assert!(all.len() >= FEWEST, "{} budgets", all.len());
    if std::env::var_os("UPDATE_BUDGETS").is_some() {
        fs::write(folder().join("README.md"), format!("{INTRODUCTION}{table}")).expect("a written table");
    }
    let faults = faults(&all, None);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
