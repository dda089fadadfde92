//! The dialects that this server speaks, and how requests reach them.

mod blocks;
mod excerpt;
pub mod glance;
pub mod service_fabric;

use std::future::Future;
use std::pin::Pin;

use http::request::Parts;
use http::{Request, Response};
use pentaprism_core::Body;
use pentaprism_server::{Api, Refusal};

use crate::context::Context;
use crate::mount::Dialect;

/// An answer on its way.
pub type Answer<'d> = Pin<Box<dyn Future<Output = Response<Body>> + Send + 'd>>;

/// What the program needs of a dialect, whichever it is.
pub trait Serve: Send + Sync {
    /// Answers a request. Its extensions hold a [`RequestId`](pentaprism_server::RequestId) and a
    /// [`Visit`](crate::site::Visit).
    fn serve(&self, request: Request<Body>) -> Answer<'_>;

    /// Writes a refusal in the dialect's own error schema.
    fn refuse(&self, head: &Parts, refusal: Refusal) -> Response<Body>;
}

/// All mounted dialects.
pub struct Dialects {
    glance: Box<dyn Serve>,
    service_fabric: Box<dyn Serve>,
}

impl Dialects {
    /// The dialects over one store.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self::of(glance::Glance::new(context.clone()), service_fabric::ServiceFabric::new(context.clone()))
    }

    /// Dialects of the caller's own making.
    #[must_use]
    pub fn of(glance: impl Serve + 'static, service_fabric: impl Serve + 'static) -> Self {
        Self { glance: Box::new(glance), service_fabric: Box::new(service_fabric) }
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, dialect: Dialect) -> &dyn Serve {
        match dialect {
            Dialect::Glance => self.glance.as_ref(),
            Dialect::ServiceFabric => self.service_fabric.as_ref(),
        }
    }
}

impl Serve for glance::Glance {
    fn serve(&self, request: Request<Body>) -> Answer<'_> {
        Box::pin(self.answer(request))
    }

    fn refuse(&self, head: &Parts, refusal: Refusal) -> Response<Body> {
        Api::refuse(self, head, None, refusal)
    }
}

impl Serve for service_fabric::ServiceFabric {
    fn serve(&self, request: Request<Body>) -> Answer<'_> {
        Box::pin(self.answer(request))
    }

    fn refuse(&self, head: &Parts, refusal: Refusal) -> Response<Body> {
        Api::refuse(self, head, None, refusal)
    }
}
