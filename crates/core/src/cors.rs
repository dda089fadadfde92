//! What web pages of other origins may do with a dialect.

/// The `x-cors` of a spec: what a preflight is answered (Fetch standard, 3.2). Tokens travel in headers and there are no
/// cookies, so every origin may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cors {
    /// Methods that a page may use, in capitals.
    pub methods: &'static [&'static str],
    /// Headers that a page may send.
    pub headers: &'static [&'static str],
    /// Headers of answers that a page may read, besides those that it always may.
    pub expose: &'static [&'static str],
    /// How long a browser may remember all that, in seconds.
    pub max_age: u32,
}
