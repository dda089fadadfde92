//! One request on its way through a dialect: its head, its route and who sent it. The body travels beside it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::request::Parts;
use pentaprism_core::path::Captures;
use pentaprism_core::{Body, Operation, OperationInfo, RequestView};

use crate::{Api, Refusal};

/// The id under which a request is logged and answered, a request extension set by whoever accepts connections.
/// Without one, dialects that show it fall back to the nil id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Where the bindings note which operation a request is: a request extension of whoever wants to know, such as a log.
#[derive(Debug, Clone, Default)]
pub struct OperationSlot(Arc<OnceLock<&'static OperationInfo>>);

impl OperationSlot {
    /// The operation, once the request is routed; absent for a request that matches none.
    #[must_use]
    pub fn get(&self) -> Option<&'static OperationInfo> {
        self.0.get().copied()
    }

    /// Notes the operation. A request has one route, so the first note stands.
    pub(crate) fn note(&self, operation: &'static OperationInfo) {
        let _noted_before = self.0.set(operation);
    }
}

/// A routed and authenticated request.
#[derive(Debug)]
pub struct Call<C> {
    /// Who calls.
    pub caller: C,
    /// Method, URI, headers and extensions.
    pub head: Parts,
    operation: &'static OperationInfo,
    captures: Captures<'static>,
}

impl<C> Call<C> {
    /// Binds a request to its route.
    #[must_use]
    pub fn new(caller: C, head: Parts, operation: &'static OperationInfo, captures: Captures<'static>) -> Self {
        Self { caller, head, operation, captures }
    }

    /// The operation that is called.
    #[must_use]
    pub fn operation(&self) -> &'static OperationInfo {
        self.operation
    }

    /// Reads the operation's input from the head alone.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub fn decode<O: Operation>(&self) -> Result<O, Refusal> {
        self.decode_with(&Bytes::new())
    }

    /// Collects the body under the dialect's limit and budget, and reads the operation's input. The input may hold the body
    /// or what was made of it, so that its share of the budget is kept until the handler has returned.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::BodyTooLarge`], [`Refusal::Unavailable`] when the budget had no room in time, or what
    /// broke the body off.
    pub async fn decode_collected<O: Operation, A: Api>(&self, api: &A, body: Body) -> Result<(O, Share), Refusal> {
        let limit = api.collected_body_limit(self.operation);
        #[cfg(feature = "connection")]
        if let Some(budget) = api.collected_body_budget() {
            let (body, reservation) = budget.collect(body, limit).await?;
            return Ok((self.decode_with(&body)?, Share { _reservation: Some(reservation) }));
        }
        let body = body.collect(limit).await?;
        Ok((self.decode_with(&body)?, Share::default()))
    }

    fn decode_with<O: Operation>(&self, body: &Bytes) -> Result<O, Refusal> {
        let view = RequestView { captures: &self.captures, head: &self.head, body };
        O::from_request(&view).map_err(Refusal::Invalid)
    }
}

/// What a collected body holds of its dialect's budget, if that has one; given back when it is dropped.
#[derive(Debug, Default)]
pub struct Share {
    #[cfg(feature = "connection")]
    _reservation: Option<crate::budget::Reservation>,
}
