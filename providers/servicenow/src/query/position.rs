//! Where a page begins, and where the next one does.
//!
//! Owns: the position within a scan and its text form. Does not own: requests; see `request`.
//! Invariant: a scan ends only where a count says so.

use causeway_core::Cursor;

use super::wire::is_key;

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// Last key of the page before; `None` at the start.
    pub(crate) after: Option<String>,
    /// Rows to skip behind that key, when all rows so far were hidden.
    pub(crate) offset: u64,
    /// Rows of the page, before access rules.
    pub(crate) limit: usize,
    /// Whether the request counts the rows behind the key. Only a counted page can be the last.
    pub(crate) counted: bool,
    /// At most so many rows are left, as far as earlier counts tell.
    pub(crate) left: u64,
}

/// What the answer to one request tells about the rest of the scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen<'a> {
    /// Rows that arrived.
    pub(crate) rows: usize,
    /// Key of the last of them.
    pub(crate) last: Option<&'a str>,
    /// Rows behind the position's key, before access rules.
    pub(crate) total: Option<u64>,
}

impl Position {
    pub(crate) fn first(limit: usize) -> Self {
        Self {
            after: None,
            offset: 0,
            limit,
            counted: true,
            left: u64::MAX,
        }
    }

    /// The position behind a page, or `None` when its window covered all that was left.
    ///
    /// The limit is applied before access rules remove rows, so a short or empty page says nothing; the count does, since it is
    /// taken before those rules too. `most` bounds the growth of the limit.
    pub(crate) fn next(&self, seen: Seen<'_>, most: usize) -> Option<Self> {
        let window_end = self.offset + self.limit as u64;
        if seen.total.is_some_and(|total| total <= window_end) {
            return None;
        }
        let limit = self.limit.saturating_mul(4).min(most).max(self.limit);
        let before = seen
            .total
            .map_or(self.left, |total| total.saturating_sub(self.offset));
        match seen.last {
            Some(last) => {
                let left = before.saturating_sub(seen.rows as u64);
                Some(Self {
                    after: Some(last.to_owned()),
                    offset: 0,
                    limit,
                    // Counting costs the instance a query, so a page that is surely not the last goes without.
                    counted: left <= limit as u64 || seen.rows < self.limit,
                    left,
                })
            }
            // Nothing visible and nothing counted: ask again with a count.
            None if seen.total.is_none() => Some(Self {
                counted: true,
                ..self.clone()
            }),
            None => Some(Self {
                offset: window_end,
                limit,
                counted: true,
                left: before.saturating_sub(self.limit as u64),
                ..self.clone()
            }),
        }
    }

    pub(crate) fn cursor(&self) -> Cursor {
        let after = self.after.as_deref().unwrap_or_default();
        let counted = u8::from(self.counted);
        Cursor(format!(
            "{} {} {counted} {} {after}",
            self.limit, self.offset, self.left
        ))
    }

    /// Reads a cursor of [`Position::cursor`]; `None` for any other text.
    pub(crate) fn read(cursor: &Cursor) -> Option<Self> {
        let mut parts = cursor.0.splitn(5, ' ');
        let limit = parts.next()?.parse().ok()?;
        let offset = parts.next()?.parse().ok()?;
        let counted = parts.next()? == "1";
        let left = parts.next()?.parse().ok()?;
        let after = Some(parts.next()?).filter(|key| !key.is_empty());
        if after.is_some_and(|key| !is_key(key)) {
            return None;
        }
        let after = after.map(str::to_owned);
        Some(Self {
            after,
            offset,
            limit,
            counted,
            left,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(rows: usize, last: Option<&str>, total: Option<u64>) -> Seen<'_> {
        Seen { rows, last, total }
    }

    fn at(after: Option<&str>, offset: u64, limit: usize, counted: bool, left: u64) -> Position {
        Position {
            after: after.map(str::to_owned),
            offset,
            limit,
            counted,
            left,
        }
    }

    #[test]
    fn a_page_whose_window_covers_the_count_is_the_last() {
        let first = Position::first(100);
        assert_eq!(first.next(seen(100, Some("k"), Some(100)), 100), None);
        assert_eq!(first.next(seen(3, Some("k"), Some(100)), 100), None);
        assert_eq!(first.next(seen(0, None, Some(0)), 100), None);
    }

    #[test]
    fn a_short_page_is_not_the_end() {
        let next = Position::first(100).next(seen(3, Some("k"), Some(101)), 100);
        assert_eq!(next, Some(at(Some("k"), 0, 100, true, 98)));
    }

    #[test]
    fn an_empty_page_moves_on_inside_the_window() {
        let next = Position::first(100)
            .next(seen(0, None, Some(250)), 100)
            .expect("more");
        assert_eq!(next, at(None, 100, 100, true, 150));
        let next = next.next(seen(0, None, Some(250)), 100).expect("more");
        assert_eq!(next, at(None, 200, 100, true, 50));
        assert_eq!(next.next(seen(0, None, Some(250)), 100), None);
    }

    #[test]
    fn only_pages_that_are_surely_not_the_last_go_uncounted() {
        let next = Position::first(100)
            .next(seen(100, Some("k"), Some(1000)), 100)
            .expect("more");
        assert_eq!(next, at(Some("k"), 0, 100, false, 900));
        let short = next.next(seen(50, Some("m"), None), 100).expect("more");
        assert_eq!(short, at(Some("m"), 0, 100, true, 850));
        let empty = next.next(seen(0, None, None), 100).expect("more");
        assert_eq!(empty, at(Some("k"), 0, 100, true, 900));
        let near_the_end = at(Some("k"), 0, 100, false, 150)
            .next(seen(100, Some("n"), None), 100)
            .expect("more");
        assert!(near_the_end.counted);
    }

    #[test]
    fn a_small_first_page_grows_to_the_configured_size() {
        let next = Position::first(10)
            .next(seen(10, Some("k"), Some(5000)), 1000)
            .expect("more");
        assert_eq!(next.limit, 40);
        assert_eq!(
            at(None, 0, 400, true, 0)
                .next(seen(1, Some("k"), Some(5000)), 1000)
                .map(|next| next.limit),
            Some(1000)
        );
    }

    #[test]
    fn positions_survive_their_text_form_and_foreign_text_is_refused() {
        for position in [Position::first(7), at(Some("glide.maint"), 20, 100, false, 42)] {
            assert_eq!(Position::read(&position.cursor()), Some(position));
        }
        for text in ["", "x", "1 2 1 3", "1 2 1 3 a^b=c", "1 2 1 3 javascript:x"] {
            assert_eq!(Position::read(&Cursor(text.to_owned())), None, "{text}");
        }
    }
}
