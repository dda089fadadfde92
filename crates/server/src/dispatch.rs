//! What generated `serve` functions are made of.

use http::header::RANGE;
use http::{Method, Request, Response};
use pentaprism_core::path::{Captures, Unrouted};
use pentaprism_core::{Body, Message, OperationInfo};

use crate::{Api, Call, Failure, OperationSlot, Refusal};

pub use pentaprism_core::path::{PathRules, Segment, SplitPath};

/// Picks a path's route by method.
///
/// # Errors
/// [`Unrouted::UnknownMethod`] with the methods that the path has.
pub fn select<'p, R: Copy>(
    method: &Method,
    methods: &[(&'static str, R)],
    captures: Captures<'p>,
) -> Result<(R, Captures<'p>), Unrouted> {
    match methods.iter().find(|(name, _)| *name == method.as_str()) {
        Some((_, route)) => Ok((*route, captures)),
        None => Err(Unrouted::UnknownMethod { allowed: methods.iter().map(|(name, _)| *name).collect() }),
    }
}

/// A request with its path resolved, before anybody was asked who sends it.
#[derive(Debug)]
pub struct Arrival<R> {
    head: http::request::Parts,
    body: Body,
    routed: Result<(R, Captures<'static>), Unrouted>,
}

impl<R: Copy> Arrival<R> {
    /// Resolves the request's path with a generated `route`. Of a HEAD the `Range` does not count (RFC 9110, 14.2).
    pub fn new(
        request: Request<Body>,
        rules: PathRules,
        route: impl for<'p> Fn(&[Segment<'p>], &Method) -> Result<(R, Captures<'p>), Unrouted>,
    ) -> Self {
        let (mut head, body) = request.into_parts();
        if head.method == Method::HEAD {
            head.headers.remove(RANGE);
        }
        let path = SplitPath::new(head.uri.path(), rules);
        let routed = route(&path.segments(), &head.method);
        let routed = routed.map(|(route, captures)| (route, captures.into_owned()));
        Self { head, body, routed }
    }

    /// Asks who calls, then lets the unroutable go: a dialect's 401 comes before its 404.
    ///
    /// # Errors
    /// The finished refusal.
    pub async fn open<A: Api>(
        self,
        api: &A,
        info: impl Fn(R) -> &'static OperationInfo,
    ) -> Result<(R, Call<A::Caller>, Body), Response<Body>> {
        let operation = self.routed.as_ref().ok().map(|(route, _)| info(*route));
        if let (Some(slot), Some(operation)) = (self.head.extensions.get::<OperationSlot>(), operation) {
            slot.note(operation);
        }
        let caller = match api.authenticate(&self.head, operation).await {
            Ok(caller) => caller,
            Err(refusal) => return Err(api.refuse(&self.head, operation, refusal)),
        };
        match self.routed {
            Ok((route, captures)) => Ok((route, Call::new(caller, self.head, info(route), captures), self.body)),
            Err(unrouted) => Err(api.refuse(&self.head, operation, Refusal::Unrouted(unrouted))),
        }
    }
}

/// Writes what a handler returned.
///
/// # Errors
/// What the dialect has to refuse in its own words.
pub fn reply<O: Message, E: Message>(outcome: Result<O, Failure<E>>) -> Result<Response<Body>, Refusal> {
    reply_streamed(outcome.map(|ok| (ok, None)))
}

/// Writes what a handler with a streamed success returned; a body of `None` leaves the answer empty.
///
/// # Errors
/// What the dialect has to refuse in its own words.
pub fn reply_streamed<O: Message, E: Message>(
    outcome: Result<(O, Option<Body>), Failure<E>>,
) -> Result<Response<Body>, Refusal> {
    match outcome {
        Ok((ok, None)) => Ok(ok.into_response().map(Body::from)),
        Ok((ok, Some(body))) => Ok(ok.into_response().map(|_| body)),
        Err(Failure::Documented(error)) => Ok(error.into_response().map(Body::from)),
        Err(Failure::Internal(source)) => Err(Refusal::Internal(source)),
        Err(Failure::Refused(refusal)) => Err(refusal),
    }
}
