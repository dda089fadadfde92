//! One request and its answer, between hyper and the service.

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::activity::{Activity, Open, Working};
use super::answer::Answer;
use super::drain::Drains;
use super::received::{self, Surroundings};
use super::{Endpoints, Limits, Service};

/// The service of one connection, in hyper's terms.
pub(super) struct Exchange<S> {
    pub(super) service: Arc<S>,
    pub(super) activity: Arc<Activity>,
    pub(super) endpoints: Endpoints,
    pub(super) limits: Arc<Limits>,
    pub(super) drains: Option<Drains>,
}

impl<S: Service> hyper::service::Service<Request<Incoming>> for Exchange<S> {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let open = Open::new(&self.activity);
        let working = Working::new(&self.activity);
        let (mut head, incoming) = request.into_parts();
        head.extensions.insert(self.endpoints);
        let limits = Arc::clone(&self.limits);
        let surroundings = Surroundings { limits, drains: self.drains.clone(), open: open.clone() };
        let (body, watch) = received::body(&head, incoming, surroundings);
        let version = head.version;
        let service = Arc::clone(&self.service);
        Box::pin(async move {
            let mut response = service.call(Request::from_parts(head, body)).await;
            drop(working);
            // HTTP/2 resets the one stream instead, and knows no such header.
            if version < Version::HTTP_2 && watch.is_unfinished() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response.map(|body| Answer { body, open }))
        })
    }
}
