//! Doubles as PostgreSQL compares them.
//!
//! Arrow orders doubles by their bits: -0 below 0, NaN by its sign. PostgreSQL takes -0 and 0 for one number and every NaN for the
//! greatest. So that comparisons can stay plain, no expression here yields -0 or a negative NaN.
//!
//! Owns: the one form of zero and NaN. Does not own: where values come from; each function that makes doubles calls it.
//! Invariant: two doubles that are equal in SQL have the same bits. Start at [`canonical`].

/// The one zero, the one NaN, everything else as it is.
pub(crate) fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

/// [`canonical`] for `real`.
pub(crate) fn canonical4(value: f32) -> f32 {
    if value.is_nan() { f32::NAN } else { value + 0.0 }
}
