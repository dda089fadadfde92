//! Exchanges: golden files of requests and responses, as typed values.
//!
//! `specs/exchanges/<dialect>/<operation>.<status>[-<condition>].http` holds one story whose last response is its subject.
//! The format is described in `specs/exchanges/README.md`; [`Exchange::parse`] reads it and [`Exchange::print`] writes it.

mod check;
mod folder;
mod head;
mod name;
mod parse;
mod payload;
mod print;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, Version};

pub use folder::{Found, ReadError, exchanges_of, read, root};
pub use name::{FileName, InvalidName};
pub use payload::Payload;

/// One file: what is given, and what then happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What the exchange shows, one entry per comment line.
    pub comments: Vec<String>,
    /// What is set up before the first request.
    pub given: Vec<Given>,
    /// What happens, in order. The last block is the subject's response.
    pub blocks: Vec<Block>,
}

/// A condition of the world that the exchange happens in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A line of the server's TOML settings, such as `glance.follow = "service"`.
    Setting(String),
    /// Something happens below the server just before the subject request (before its `### finish`, when it is an open one).
    Twist(Twist),
    /// An upload session may have this many separate ranges (the server's own limit is far above what a file can show).
    SessionRanges(u64),
    /// Operations that the server carries out beside requests come no further than this, from the file's start.
    Operations(Progress),
}

/// How far operations come that are held up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// None begins.
    Waiting,
    /// They begin, and none ends.
    Started,
}

impl Progress {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Waiting, Self::Started];

    /// The progress as files write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Started => "started",
        }
    }
}

/// What happens below the server, where no request can make it happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twist {
    /// Nothing can be written: the file system is mounted read-only.
    StoreReadOnly,
    /// The disk is full.
    StoreFull,
    /// Every access to bytes fails with an I/O error.
    StoreFails,
    /// No access to bytes comes back.
    StoreHangs,
    /// Every access to the catalog fails.
    CatalogFails,
    /// No access to the catalog comes back.
    CatalogHangs,
    /// Every Glance image becomes private; who it was shared with stays.
    ImagesPrivate,
}

impl Twist {
    /// Every twist.
    pub const ALL: [Self; 7] = [
        Self::StoreReadOnly,
        Self::StoreFull,
        Self::StoreFails,
        Self::StoreHangs,
        Self::CatalogFails,
        Self::CatalogHangs,
        Self::ImagesPrivate,
    ];

    /// The twist as files write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StoreReadOnly => "store read-only",
            Self::StoreFull => "store full",
            Self::StoreFails => "store fails",
            Self::StoreHangs => "store hangs",
            Self::CatalogFails => "catalog fails",
            Self::CatalogHangs => "catalog hangs",
            Self::ImagesPrivate => "images private",
        }
    }
}

/// One `###` block and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The line of its `###`, from 1.
    pub line: usize,
    /// What happens.
    pub step: Step,
}

/// What happens in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A request is sent whole; its response follows.
    Request(Sent),
    /// The head and the first half of the body are sent; the rest waits.
    Open(Sent),
    /// The rest of the open request is sent; its response follows.
    Finish,
    /// The client of the open request hangs up.
    Abort,
    /// The clock moves.
    Advance(Duration),
    /// What the request before it is answered with.
    Response(Expected),
}

/// A request as the file writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The method.
    pub method: Method,
    /// Path and query, unchanged.
    pub target: String,
    /// The version of the request line.
    pub version: Version,
    /// Names and values in order; `Content-Length` is not trusted but computed from the body.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Payload,
}

/// What a response has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Only the status counts.
    Status(StatusCode),
    /// Everything counts.
    Whole(Answer),
}

/// A response as the file writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Names and values in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Payload,
}

/// The request that the last response answers, with that response.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'e> {
    /// The request.
    pub request: &'e Sent,
    /// The index of its block.
    pub request_index: usize,
    /// Whether it was sent in two halves.
    pub open: bool,
    /// The response.
    pub response: &'e Expected,
    /// The line of the response's `###`.
    pub response_line: usize,
}

/// A mistake in an exchange file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}; {remedy}")]
pub struct ParseError {
    /// The file as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub remedy: &'static str,
}

impl Exchange {
    /// Reads a file's text. `file` is the name that messages use.
    ///
    /// # Errors
    /// [`ParseError`] with the line of the first mistake.
    pub fn parse(file: &str, text: &str) -> Result<Self, ParseError> {
        let exchange = parse::file(text).and_then(|exchange| check::order(&exchange).map(|()| exchange));
        exchange.map_err(|mistake| mistake.in_file(file))
    }

    /// Writes the exchange in the form that [`parse`](Self::parse) reads.
    #[must_use]
    pub fn print(&self) -> String {
        print::exchange(self)
    }

    /// The request and the response that the exchange is about.
    ///
    /// # Panics
    /// Never for an exchange that was parsed: a file without them is refused.
    #[must_use]
    pub fn subject(&self) -> Subject<'_> {
        self.find_subject().expect("parsing refuses an exchange without a subject")
    }

    fn find_subject(&self) -> Option<Subject<'_>> {
        let (last, before) = self.blocks.split_last()?;
        let Step::Response(response) = &last.step else { return None };
        let open = matches!(before.last()?.step, Step::Finish);
        let request = before.iter().enumerate().rev().find_map(|(index, block)| match &block.step {
            Step::Request(request) if !open => Some((index, request)),
            Step::Open(request) if open => Some((index, request)),
            _ => None,
        });
        let (request_index, request) = request?;
        Some(Subject { request, request_index, open, response, response_line: last.line })
    }

    /// The file's `text` with another subject response; comments and set-up stay as the author wrote them.
    #[must_use]
    pub fn with_subject_response(text: &str, response: &Answer) -> String {
        let mut kept: Vec<&str> = text.split_inclusive('\n').collect();
        let subject = kept.iter().rposition(|line| line.trim_end() == "### response").unwrap_or(kept.len());
        kept.truncate(subject);
        kept.concat() + &print::response_block(&Expected::Whole(response.clone()))
    }
}

impl Sent {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The request with a body of the caller's choice and without a `Content-Length`.
    ///
    /// # Panics
    /// When the target is no URI or a header cannot be sent, which parsing refuses.
    #[must_use]
    pub fn to_http<B>(&self, body: B) -> http::Request<B> {
        let mut request = http::Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.parse().expect("parsing refuses a target that is no URI");
        *request.version_mut() = self.version;
        head::copy_headers(&self.headers, request.headers_mut());
        request.headers_mut().remove(http::header::CONTENT_LENGTH);
        request
    }

    /// Whether the length of the body is not announced.
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }
}

impl Expected {
    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Status(status) => *status,
            Self::Whole(answer) => answer.status,
        }
    }
}

impl Answer {
    /// Takes a response over as it is. Header names are written in their usual capitals, in the order of arrival.
    #[must_use]
    pub fn of(response: &http::Response<Bytes>) -> Self {
        let headers = head::from_map(response.headers());
        Self { status: response.status(), headers, body: Payload::from(response.body().clone()) }
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The response with its whole body.
    ///
    /// # Panics
    /// When a header cannot be sent, which parsing refuses.
    #[must_use]
    pub fn to_http(&self) -> http::Response<Bytes> {
        let mut response = http::Response::new(self.body.to_bytes());
        *response.status_mut() = self.status;
        head::copy_headers(&self.headers, response.headers_mut());
        response
    }
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
