//! Windows with names: `OVER w`, `OVER (w ORDER BY a)`, `WINDOW w AS (…), v AS (w …)`.
//!
//! DataFusion reads the name in `OVER (w …)` as nothing (docs/upstream.md, window-names).
//!
//! Owns: putting the definition in the place of the name. Does not own: frames.
//! Invariant: a name takes over all that its window says, or is refused (PostgreSQL, `transformWindowDefinitions`). Start at [`resolved`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, OrderBy, OrderByKind, Query, SelectItem, SetExpr,
    VisitMut, VisitorMut, WindowSpec, WindowType,
};

use super::column_names::folded;
use super::step::{Step, fail};

/// Puts definitions in the place of the names of windows, in a query's own list and order.
///
/// # Errors
/// 42704 for a name that isn't defined, 42P20 for a definition that can't be taken over.
pub(crate) fn resolved(query: &mut Query) -> Step {
    let SetExpr::Select(select) = query.body.as_mut() else {
        return ControlFlow::Continue(());
    };
    let mut windows = Windows {
        known: Vec::new(),
        depth: 0,
    };
    for NamedWindowDefinition(name, definition) in std::mem::take(&mut select.named_window) {
        let name = folded(&name);
        if windows.known.iter().any(|(known, _)| *known == name) {
            return fail("42P20", format!("window \"{name}\" is already defined"));
        }
        let spec = match definition {
            NamedWindowExpr::NamedWindow(other) => windows.spec(&other)?.clone(),
            NamedWindowExpr::WindowSpec(spec) => windows.merged(spec)?,
        };
        windows.known.push((name, spec));
    }
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            VisitMut::visit(expr, &mut windows)?;
        }
    }
    if let Some(OrderBy {
        kind: OrderByKind::Expressions(keys),
        ..
    }) = &mut query.order_by
    {
        for key in keys {
            VisitMut::visit(&mut key.expr, &mut windows)?;
        }
    }
    ControlFlow::Continue(())
}

/// The windows that are defined so far.
struct Windows {
    known: Vec<(String, WindowSpec)>,
    /// How many queries deep the walk is: an inner query has windows of its own.
    depth: usize,
}

impl Windows {
    fn spec(&self, name: &Ident) -> ControlFlow<Box<crate::error::Error>, &WindowSpec> {
        let name = folded(name);
        match self.known.iter().find(|(known, _)| *known == name) {
            Some((_, spec)) => ControlFlow::Continue(spec),
            None => {
                let error = crate::error::Error::new("42704", format!("window \"{name}\" does not exist"));
                ControlFlow::Break(Box::new(error))
            }
        }
    }

    /// The specification with what the window has that it names.
    fn merged(&self, mut spec: WindowSpec) -> ControlFlow<Box<crate::error::Error>, WindowSpec> {
        let Some(name) = spec.window_name.take() else {
            return ControlFlow::Continue(spec);
        };
        let base = self.spec(&name)?;
        let refused = if !spec.partition_by.is_empty() {
            Some("cannot override PARTITION BY clause of window")
        } else if !spec.order_by.is_empty() && !base.order_by.is_empty() {
            Some("cannot override ORDER BY clause of window")
        } else if base.window_frame.is_some() {
            Some("cannot copy frame clause of window")
        } else {
            None
        };
        if let Some(refused) = refused {
            fail("42P20", format!("{refused} \"{}\"", folded(&name))).map_continue(|()| spec.clone())?;
        }
        spec.partition_by.clone_from(&base.partition_by);
        if spec.order_by.is_empty() {
            spec.order_by.clone_from(&base.order_by);
        }
        ControlFlow::Continue(spec)
    }
}

impl VisitorMut for Windows {
    type Break = Box<crate::error::Error>;

    fn pre_visit_query(&mut self, _: &mut Query) -> Step {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> Step {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> Step {
        let Expr::Function(function) = expr else {
            return ControlFlow::Continue(());
        };
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        let spec = match function.over.take() {
            None => return ControlFlow::Continue(()),
            Some(WindowType::NamedWindow(name)) => self.spec(&name)?.clone(),
            Some(WindowType::WindowSpec(spec)) => self.merged(spec)?,
        };
        function.over = Some(WindowType::WindowSpec(spec));
        ControlFlow::Continue(())
    }
}
