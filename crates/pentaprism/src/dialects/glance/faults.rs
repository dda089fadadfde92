//! What a refusal looks like: one short text as HTML, JSON or plain text, whichever the request's `Accept` prefers (D-025).

use std::borrow::Cow;
use std::fmt::Write;

use http::HeaderMap;
use http::header::ACCEPT;
use http::request::Parts;
use pentaprism_core::ErrorStatus;
use pentaprism_core::dialects::glance::models;
use pentaprism_core::dialects::glance::models::{FaultBody, FaultResponse};
use pentaprism_server::RequestId;

use crate::dialects::excerpt::beginning;

/// The most characters of a request that a text shows.
const LONGEST_ECHO: usize = 255;

/// A refusal in the words of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The status.
    pub(super) status: ErrorStatus,
    /// What happened.
    pub(super) explanation: Cow<'static, str>,
    /// More about it, on a line of its own; mostly empty.
    pub(super) detail: String,
}

impl Fault {
    /// A refusal with one text.
    pub(super) fn new(status: ErrorStatus, explanation: impl Into<Cow<'static, str>>) -> Self {
        Self { status, explanation: explanation.into(), detail: String::new() }
    }

    /// The refusal as an answer to the request with `head`.
    pub(super) fn response(&self, head: &Parts) -> FaultResponse {
        FaultResponse { x_openstack_request_id: request_id(head), body: self.body(&head.headers) }
    }

    /// The body alone.
    pub(super) fn body(&self, headers: &HeaderMap) -> FaultBody {
        match Form::of(headers) {
            Form::Html => FaultBody::Html(self.html()),
            Form::Json => FaultBody::Json(self.json()),
            Form::Plain => FaultBody::Plain(self.plain()),
        }
    }

    fn html(&self) -> String {
        let status = title(self.status);
        let code = self.status.get().as_u16();
        let (explanation, detail) = (escape(&self.explanation), escape(&self.detail));
        format!(
            "<html>\n <head>\n  <title>{code} {status}</title>\n </head>\n <body>\n  <h1>{code} {status}</h1>\n  \
             {explanation}<br /><br />\n{detail}\n\n\n </body>\n</html>"
        )
    }

    fn json(&self) -> models::Fault {
        let title = title(self.status);
        models::Fault {
            message: format!("{}<br /><br />\n{}\n\n", self.explanation, self.detail),
            code: format!("{} {title}", self.status.get().as_u16()),
            title: title.to_owned(),
        }
    }

    /// The service makes this from its HTML: breaks become line ends, and line ends were blanks before.
    fn plain(&self) -> String {
        let flat = |text: &str| text.replace('\r', "").replace('\n', " ");
        let code = self.status.get().as_u16();
        format!("{code} {}\n\n{}\n\n {}  ", title(self.status), flat(&self.explanation), flat(&self.detail))
    }
}

/// The id under which the request is logged, as the answer shows it.
pub(super) fn request_id(head: &Parts) -> String {
    const UNNAMED: &str = "req-00000000-0000-0000-0000-000000000000";
    head.extensions.get::<RequestId>().map_or_else(|| UNNAMED.to_owned(), |id| id.0.clone())
}

/// Text of a request, cut to what an answer shows of it.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    beginning(text, LONGEST_ECHO)
}

/// The reason phrases of the service, two of which are older than today's.
fn title(status: ErrorStatus) -> &'static str {
    match status {
        ErrorStatus::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        ErrorStatus::RANGE_NOT_SATISFIABLE => "Request Range Not Satisfiable",
        other => other.get().canonical_reason().unwrap_or("Unknown"),
    }
}

/// Text between tags: what HTML reads otherwise, and everything beyond ASCII, becomes a reference.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            character if character.is_ascii() => escaped.push(character),
            character => write!(escaped, "&#{};", u32::from(character)).expect("a string takes all text"),
        }
    }
    escaped
}

/// The forms of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Json,
    Plain,
}

impl Form {
    /// What `Accept` prefers; of equals HTML, and plain text when it wants neither.
    fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let ranges: Vec<_> = lines.flat_map(|line| line.split(',')).map(media_range).collect();
        match (quality(&ranges, "text", "html"), quality(&ranges, "application", "json")) {
            (html, json) if html > 0 && html >= json => Self::Html,
            (_, json) if json > 0 => Self::Json,
            _ => Self::Plain,
        }
    }
}

/// One element of `Accept`: type, subtype, and weight in thousandths.
fn media_range(element: &str) -> (&str, &str, u16) {
    let mut parts = element.split(';').map(str::trim);
    let (main, sub) = parts.next().and_then(|media| media.split_once('/')).unwrap_or_default();
    let weights = parts.filter_map(|parameter| parameter.split_once('='));
    let mut weights =
        weights.filter(|(name, _)| name.trim().eq_ignore_ascii_case("q")).map(|(_, value)| thousandths(value));
    (main, sub, weights.next().unwrap_or(1000))
}

/// A weight such as `0.8` in thousandths; 0 for what is none (RFC 9110, 12.4.2).
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match (whole, format!("{fraction:0<3}").parse::<u16>()) {
        ("0", Ok(weight)) if digits => weight,
        ("1", Ok(0)) if digits => 1000,
        _ => 0,
    }
}

/// The weight of a media type: that of the range that fits it most closely.
fn quality(ranges: &[(&str, &str, u16)], main: &str, sub: &str) -> u16 {
    let fits = |range: &(&str, &str, u16)| match *range {
        (range_main, range_sub, weight) if range_main.eq_ignore_ascii_case(main) => match range_sub {
            "*" => Some((1, weight)),
            _ => range_sub.eq_ignore_ascii_case(sub).then_some((2, weight)),
        },
        ("*", "*", weight) => Some((0, weight)),
        _ => None,
    };
    ranges.iter().filter_map(fits).max_by_key(|(closeness, _)| *closeness).map_or(0, |(_, weight)| weight)
}

#[cfg(test)]
#[path = "tests/faults.rs"]
mod tests;
