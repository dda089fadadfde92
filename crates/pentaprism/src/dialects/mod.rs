//! The dialects that this server speaks, and how requests reach them.

pub mod azure_sphere;
mod blocks;
mod entity_tag;
mod excerpt;
pub mod glance;
mod outage;
pub mod pingone;
pub mod public;
pub mod saved_views;
pub mod service_fabric;
#[cfg(test)]
mod testing;

use std::future::Future;
use std::pin::Pin;

use http::request::Parts;
use http::{Request, Response};
use pentaprism_core::Body;
use pentaprism_server::{Api, Refusal};
use pentaprism_store::Fault;

use crate::context::Context;
use crate::mount::Dialect;

/// An answer on its way.
pub type Answer<'d> = Pin<Box<dyn Future<Output = Response<Body>> + Send + 'd>>;

/// Something of a dialect that goes on beside its requests.
pub type Doing<'d, T> = Pin<Box<dyn Future<Output = T> + Send + 'd>>;

/// What the program needs of a dialect, whichever it is.
pub trait Serve: Send + Sync {
    /// Answers a request. Its extensions hold a [`RequestId`](pentaprism_server::RequestId) and a
    /// [`Visit`](crate::site::Visit).
    fn serve(&self, request: Request<Body>) -> Answer<'_>;

    /// Writes a refusal in the dialect's own error schema.
    fn refuse(&self, head: &Parts, refusal: Refusal) -> Response<Body>;

    /// Does what has to be done before the first request, such as going on with what an earlier run began.
    fn prepare(&self) -> Doing<'_, Result<(), Fault>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Resolves once nothing goes on in the background, so that a test sees what became of it.
    fn settled(&self) -> Doing<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Ends what goes on in the background, before the store is closed.
    fn close(&self) -> Doing<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// All mounted dialects.
pub struct Dialects([Box<dyn Serve>; Dialect::ALL.len()]);

impl Dialects {
    /// The dialects over one store.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self::of(|dialect| Self::usual(dialect, context))
    }

    /// One of the dialects of [`new`](Self::new).
    #[must_use]
    pub fn usual(dialect: Dialect, context: &Context) -> Box<dyn Serve> {
        let context = context.clone();
        match dialect {
            Dialect::ServiceFabric => Box::new(service_fabric::ServiceFabric::new(context)),
            Dialect::AzureSphere => Box::new(azure_sphere::AzureSphere::new(context)),
            Dialect::SavedViews => Box::new(saved_views::SavedViews::new(context)),
            Dialect::PingOne => Box::new(pingone::PingOne::new(context)),
            Dialect::Public => Box::new(public::Public::new(context)),
            Dialect::Glance => Box::new(glance::Glance::new(context)),
        }
    }

    /// Dialects of the caller's own making.
    #[must_use]
    pub fn of(make: impl FnMut(Dialect) -> Box<dyn Serve>) -> Self {
        Self(Dialect::ALL.map(make))
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, dialect: Dialect) -> &dyn Serve {
        self.0[dialect as usize].as_ref()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &dyn Serve> {
        self.0.iter().map(AsRef::as_ref)
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

impl Serve for azure_sphere::AzureSphere {
    fn serve(&self, request: Request<Body>) -> Answer<'_> {
        Box::pin(self.answer(request))
    }

    fn refuse(&self, head: &Parts, refusal: Refusal) -> Response<Body> {
        Api::refuse(self, head, None, refusal)
    }

    fn prepare(&self) -> Doing<'_, Result<(), Fault>> {
        self.start();
        Box::pin(std::future::ready(Ok(())))
    }

    fn settled(&self) -> Doing<'_, ()> {
        Box::pin(self.settled())
    }

    fn close(&self) -> Doing<'_, ()> {
        Box::pin(self.close())
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

impl Serve for saved_views::SavedViews {
    fn serve(&self, request: Request<Body>) -> Answer<'_> {
        Box::pin(self.answer(request))
    }

    fn refuse(&self, head: &Parts, refusal: Refusal) -> Response<Body> {
        Api::refuse(self, head, None, refusal)
    }

    fn prepare(&self) -> Doing<'_, Result<(), Fault>> {
        Box::pin(Self::prepare(self))
    }
}

impl Serve for public::Public {
    fn serve(&self, request: Request<Body>) -> Answer<'_> {
        Box::pin(self.answer(request))
    }

    fn refuse(&self, head: &Parts, refusal: Refusal) -> Response<Body> {
        Api::refuse(self, head, None, refusal)
    }
}

impl Serve for pingone::PingOne {
    fn serve(&self, request: Request<Body>) -> Answer<'_> {
        Box::pin(self.answer(request))
    }

    fn refuse(&self, head: &Parts, refusal: Refusal) -> Response<Body> {
        Api::refuse(self, head, None, refusal)
    }
}
