//! Faults that a test injects into a running instance.
//!
//! Owns: [`Faults`] and the order in which they are used up. Invariant: one call suffers at most one fault.

/// Faults to come: each number says how many of the next data calls fail in that way.
///
/// One call suffers at most one fault; they are used up in the order of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Data calls that pass unharmed before the first fault.
    pub after_calls: u32,
    /// 200 with some of the rows and an `error`.
    pub partial_with_error: u32,
    /// 200 whose JSON breaks off.
    pub cut_json: u32,
    /// 200 with the HTML page of a hibernating instance.
    pub html_page: u32,
    /// 200 with an element `""` among the rows.
    pub stray_element: u32,
    /// 200 with an element `{"__meta": …}` among the rows, which is harmless.
    pub meta_element: u32,
    /// 202 with an empty body.
    pub accepted_empty: u32,
    /// 429 with `Retry-After: 1`.
    pub throttled_retry_after: u32,
    /// 429 without `Retry-After`.
    pub throttled: u32,
    /// 503 with an HTML body.
    pub unavailable: u32,
    /// All access tokens expire before the call.
    pub expire_tokens: u32,
    /// The call takes `slow_ms` longer.
    pub slow: u32,
    /// Added delay of a slow call.
    pub slow_ms: u64,
    /// An integer of the first row reads `abc`.
    pub wrong_typed_value: u32,
    /// Key range and order are ignored, so that the first page comes again.
    pub repeated_page: u32,
}

/// The one fault that a call suffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    PartialWithError,
    CutJson,
    HtmlPage,
    StrayElement,
    MetaElement,
    AcceptedEmpty,
    ThrottledRetryAfter,
    Throttled,
    Unavailable,
    ExpireTokens,
    Slow(u64),
    WrongTypedValue,
    RepeatedPage,
}

impl Faults {
    pub(super) fn take(&mut self) -> Option<Fault> {
        if self.after_calls > 0 {
            self.after_calls -= 1;
            return None;
        }
        let slow_ms = self.slow_ms;
        let counters = [
            (&mut self.partial_with_error, Fault::PartialWithError),
            (&mut self.cut_json, Fault::CutJson),
            (&mut self.html_page, Fault::HtmlPage),
            (&mut self.stray_element, Fault::StrayElement),
            (&mut self.meta_element, Fault::MetaElement),
            (&mut self.accepted_empty, Fault::AcceptedEmpty),
            (&mut self.throttled_retry_after, Fault::ThrottledRetryAfter),
            (&mut self.throttled, Fault::Throttled),
            (&mut self.unavailable, Fault::Unavailable),
            (&mut self.expire_tokens, Fault::ExpireTokens),
            (&mut self.slow, Fault::Slow(slow_ms)),
            (&mut self.wrong_typed_value, Fault::WrongTypedValue),
            (&mut self.repeated_page, Fault::RepeatedPage),
        ];
        for (counter, fault) in counters {
            if *counter > 0 {
                *counter -= 1;
                return Some(fault);
            }
        }
        None
    }
}
