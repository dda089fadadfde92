//! Reads what is left of an abandoned body and throws it away, so that the answer reaches the client.
//!
//! The connection's own task does it: the work has an owner, ends with the connection, and at most one body per connection
//! is drained, because HTTP/1 has one request at a time.

use std::future::poll_fn;
use std::pin::Pin;

use http_body::Body as _;
use hyper::body::Incoming;
use tokio::sync::mpsc;

use super::Limits;
use super::activity::Open;

/// Where abandoned bodies go.
#[derive(Debug, Clone)]
pub(super) struct Drains(mpsc::Sender<Abandoned>);

/// A body that nobody reads any more. Its request stays open until it is drained.
#[derive(Debug)]
pub(super) struct Abandoned {
    incoming: Incoming,
    _open: Open,
}

/// The queue of one connection, for its task to empty.
pub(super) fn queue() -> (Drains, mpsc::Receiver<Abandoned>) {
    let (sender, receiver) = mpsc::channel(1);
    (Drains(sender), receiver)
}

impl Drains {
    /// Hands over a body. When the connection is gone there is nothing to drain.
    pub(super) fn take_over(&self, incoming: Incoming, open: Open) {
        let _gone = self.0.try_send(Abandoned { incoming, _open: open });
    }
}

impl Abandoned {
    /// Reads to the end, to an error, to the limit or to the deadline, whichever comes first.
    pub(super) async fn drain(mut self, limits: &Limits) {
        let read = async {
            let mut left = limits.drain_bytes;
            while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut self.incoming).poll_frame(cx)).await {
                let length = frame.data_ref().map_or(0, bytes::Bytes::len) as u64;
                match left.checked_sub(length) {
                    Some(rest) => left = rest,
                    None => break,
                }
            }
        };
        if tokio::time::timeout(limits.drain, read).await.is_err() {
            tracing::debug!("an abandoned body did not end in time");
        }
    }
}
