//! One request and its answer, between hyper and the service.

use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderValue, Method, Request, Response, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use pentaprism_core::Body;
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
        let (version, is_head) = (head.version, head.method == Method::HEAD);
        let service = Arc::clone(&self.service);
        Box::pin(async move {
            let mut response = service.call(Request::from_parts(head, body)).await;
            drop(working);
            // HTTP/2 resets the one stream instead, and knows no such header.
            if version < Version::HTTP_2 && watch.is_unfinished() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            let response = if is_head { without_body(response) } else { response };
            Ok(response.map(|body| Answer { body, open }))
        })
    }
}

/// The answer to a HEAD: what a GET would be answered, without a byte of it (RFC 9110, 9.3.2). In HTTP/1 hyper sees to that, in
/// HTTP/2 it does not.
fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|_| !body.is_end_stream()) {
        head.headers.entry(CONTENT_LENGTH).or_insert(length.into());
    }
    Response::from_parts(head, Body::empty())
}
