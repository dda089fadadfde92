//! Counts the bytes of a request and its answer, for the metrics and for the one line of log that every request gets.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use pentaprism_core::{Body, BodyError};
use pentaprism_server::OperationSlot;
use tokio::time::Instant;
use tracing::Span;

use crate::metrics::{Ended, Metrics};
use crate::notes::Notes;

/// A request whose answer is not over yet. When it is dropped its line is written.
pub(crate) struct Measure {
    span: Span,
    metrics: Arc<Metrics>,
    dialect: &'static str,
    began: Instant,
    received: Arc<AtomicU64>,
    sent: u64,
    status: Option<StatusCode>,
    operation: OperationSlot,
    notes: Notes,
    quiet: bool,
    cut: bool,
}

impl Measure {
    /// Begins to measure the request of `span`, which `dialect` answers and which `notes` are taken on.
    pub(crate) fn new(span: Span, metrics: Arc<Metrics>, dialect: &'static str, notes: Notes) -> Self {
        metrics.begin(dialect);
        let (received, operation, began) = (Arc::default(), OperationSlot::default(), Instant::now());
        Self {
            span,
            metrics,
            dialect,
            began,
            received,
            sent: 0,
            status: None,
            operation,
            notes,
            quiet: false,
            cut: false,
        }
    }

    /// Lets the line of the request stand at debug: it comes every few seconds, and nothing is wrong.
    pub(crate) fn quiet(mut self, quiet: bool) -> Self {
        self.quiet = quiet;
        self
    }

    /// The request with its body counted, and a slot for its operation.
    pub(crate) fn request(&self, mut request: Request<Body>) -> Request<Body> {
        request.extensions_mut().insert(self.operation.clone());
        if request.body().is_end_stream() {
            return request;
        }
        request.map(|body| Body::stream(Counted { body, count: Arc::clone(&self.received) }))
    }

    /// The answer, whose end ends the measure.
    pub(crate) fn answer(mut self, response: Response<Body>, method: &Method) -> Response<Body> {
        self.status = Some(response.status());
        if response.body().is_end_stream() || *method == Method::HEAD {
            return response;
        }
        self.cut = true;
        response.map(|body| Body::stream(Measured { body, measure: self }))
    }
}

impl Drop for Measure {
    fn drop(&mut self) {
        let _entered = self.span.enter();
        let received = self.received.load(Ordering::Relaxed);
        let (operation, sent) = (self.operation.get().map_or("-", |operation| operation.name), self.sent);
        let took = self.began.elapsed();
        let status = self.status.map(|status| status.as_u16());
        self.metrics.end(Ended { dialect: self.dialect, operation, status, received, sent, took });
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let principal = self.notes.principal();
        // What is noted on the way to a success, such as an answer to OPTIONS, explains nothing.
        let reason = self.notes.reason().filter(|_| status.is_some_and(|status| status >= 400));
        let outcome = match status {
            // The client went away before there was an answer.
            None => "dropped",
            Some(_) if self.cut => "answered in part",
            Some(_) => "answered",
        };
        if self.quiet {
            tracing::debug!(operation, principal, status, reason, received, sent, milliseconds, "{outcome}");
        } else {
            tracing::info!(operation, principal, status, reason, received, sent, milliseconds, "{outcome}");
        }
    }
}

struct Counted {
    body: Body,
    count: Arc<AtomicU64>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.count.fetch_add(length(frame), Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

struct Measured {
    body: Body,
    measure: Measure,
}

impl http_body::Body for Measured {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.measure.sent += length(frame);
                self.measure.cut = !self.body.is_end_stream();
            }
            Poll::Ready(None) => self.measure.cut = false,
            Poll::Ready(Some(Err(error))) => {
                self.measure.span.in_scope(|| tracing::error!(error = %chain(error), "an answer broke off"));
            }
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn length(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, Bytes::len) as u64
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
