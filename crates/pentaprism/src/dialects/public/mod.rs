//! The bytes behind the links that other dialects hand out: whoever knows a link may read the file (D-131 to D-134).

mod file;
pub(crate) mod link;
mod problem;
mod refusals;
#[cfg(test)]
mod tests;

use http::header::{HeaderName, IF_NONE_MATCH, RANGE};
use http::request::Parts;
use http::{Request, Response};
use pentaprism_core::dialects::public::get_public_file::{GetPublicFile, GetPublicFileError, GetPublicFileOk};
use pentaprism_core::{Body, OperationInfo};
use pentaprism_server::dialects::public as bindings;
use pentaprism_server::{Api, Call, Failure, Refusal};
use pentaprism_store::Store;

use crate::context::Context;

/// Headers that are no text count as absent (D-133, D-134).
const LENIENT: [HeaderName; 2] = [RANGE, IF_NONE_MATCH];

/// The public links of all dialects.
#[derive(Clone)]
pub struct Public {
    store: Store,
}

impl Public {
    /// The links over the store of `context`.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { store: context.store }
    }

    /// Answers a request whose path is under `/public`.
    pub async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        for name in LENIENT {
            if request.headers().get(&name).is_some_and(|value| value.to_str().is_err()) {
                request.headers_mut().remove(name);
            }
        }
        bindings::serve(self, request).await
    }
}

impl Api for Public {
    type Caller = ();

    async fn authenticate(&self, _: &Parts, _: Option<&'static OperationInfo>) -> Result<(), Refusal> {
        Ok(())
    }

    fn refuse(&self, _: &Parts, _: Option<&'static OperationInfo>, refusal: Refusal) -> Response<Body> {
        refusals::refuse(&refusal)
    }

    fn collected_body_limit(&self, _: &'static OperationInfo) -> u64 {
        0
    }
}

impl bindings::Public for Public {
    async fn get_public_file(
        &self,
        call: &Call<()>,
        input: GetPublicFile,
    ) -> Result<(GetPublicFileOk, Option<Body>), Failure<GetPublicFileError>> {
        file::get(&self.store, &call.head.headers, &input).await.map_err(problem::Problem::into_failure)
    }
}
