//! What the tests of all dialects do alike.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, response};
use pentaprism_core::Body;
use pentaprism_store::{Store, Usage};

use super::Serve;
use crate::site::Visit;

/// What links to the server begin with.
pub(super) const BASE_URL: &str = "http://127.0.0.1:8470";

/// Lets a dialect answer as the program would, and reads the answer to its end.
pub(super) async fn answer(dialect: &impl Serve, mut request: Request<Body>) -> (response::Parts, Bytes) {
    let authority = "127.0.0.1:8470".parse().expect("an authority");
    request.extensions_mut().insert(Visit { base_url: BASE_URL.to_owned(), authority, client: None });
    let (head, body) = dialect.serve(request).await.into_parts();
    (head, body.collect(64 << 20).await.expect("the answer can be read"))
}

/// What an account uses when nothing of it is reserved any more: uploads give that back behind their requests.
pub(super) async fn usage_at_rest(store: &Store, dialect: &str, account: &str) -> Usage {
    let at_rest = async {
        loop {
            let usage = store.usage(dialect, account).await.expect("a usage");
            if usage.reserved == 0 {
                return usage;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), at_rest).await.expect("what was reserved is given back")
}
