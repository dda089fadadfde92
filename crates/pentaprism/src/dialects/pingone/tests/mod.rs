//! The dialect in process: requests go through the generated router into a store of their own, nothing is mocked.

mod faults;
mod files;
mod images;
mod order;
mod refusals;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use pentaprism_core::Body;
use pentaprism_core::dialects::pingone::DIALECT;
use pentaprism_server::RequestId;
use pentaprism_store::{
    Clock, Faults, Limits, ListQuery, ManualClock, Options, RandomIds, Store, SystemClock, Timestamp, Usage,
};
use pentaprism_testkit::body::{HeldHalf, half_open, whole};
use pentaprism_testkit::exchange::Payload;
use serde_json::Value;
use tokio::task::JoinHandle;
use uuid::{Uuid, uuid};

use super::PingOne;
use crate::context::Context;
use crate::dialects::testing::{self, BASE_URL};
use crate::settings::{EnvironmentSettings, Follow, PingOneRights, PrincipalSettings, Settings, Token};
use crate::tokens::RandomTokens;

/// 2020-02-27T19:49:36.457Z, the moment of the document's sample, and a bit.
const START: i64 = 1_582_832_976_457_999;

const ADMIN: &str = "token-of-the-identity-admin";
const ENVIRONMENT: Uuid = uuid!("abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6");
const OTHER: Uuid = uuid!("77777777-7777-4777-8777-777777777777");
const UNKNOWN: Uuid = uuid!("88888888-8888-4888-8888-888888888888");

/// The id of every request.
const REQUEST: &str = "00000000-0000-4000-8000-00000000abcd";

/// A GIF of one transparent pixel.
const DOT: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01D\0;";

/// The beginning of a PNG of 3 × 2 pixels, up to the end of its header.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\x02\0\0\0\x12\x16\xf1M";

/// A dialect with its store.
#[derive(Clone)]
struct World {
    pingone: PingOne,
    store: Store,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// The usual settings with two environments and a principal that may use one of them.
fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.pingone.environments.push(EnvironmentSettings { id: OTHER, name: "Other".to_owned() });
    settings.principals = vec![PrincipalSettings {
        name: "admin".to_owned(),
        token: Token::new(ADMIN),
        pingone: Some(PingOneRights { environments: vec![ENVIRONMENT] }),
        ..PrincipalSettings::development()
    }];
    settings
}

/// The settings of a server that makes a PNG of everything.
fn as_service() -> Settings {
    let mut settings = settings();
    settings.pingone.follow = Follow::Service;
    settings
}

fn limited(follow: Follow, picture_bytes: u64, quota_bytes: Option<u64>) -> Settings {
    let mut settings = settings();
    settings.pingone.follow = follow;
    settings.pingone.picture_bytes = picture_bytes;
    settings.pingone.quota_bytes = quota_bytes;
    settings
}

impl World {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_micros(START)));
        let store = Store::open(Options::ephemeral().clock(clock.clone())).await.expect("a temporary store opens");
        Self::over(settings, store, clock)
    }

    /// A world whose storage fails on demand.
    async fn faulty(settings: Settings) -> (Self, Faults) {
        let limits = Limits { deadline: Duration::from_millis(500), ..Limits::default() };
        let options = Options::ephemeral().limits(limits);
        let (store, faults) = Store::open_faulty(options).await.expect("a temporary store opens");
        (Self::over(settings, store, Arc::new(SystemClock)), faults)
    }

    fn over(settings: Settings, store: Store, clock: Arc<dyn Clock>) -> Self {
        let context = Context::new(settings, store.clone(), clock, Arc::new(RandomIds), Arc::new(RandomTokens));
        Self { pingone: PingOne::new(context), store }
    }

    async fn call(&self, mut request: Request<Body>) -> Answered {
        request.extensions_mut().insert(RequestId(format!("req-{REQUEST}")));
        let (head, body) = testing::answer(&self.pingone, request).await;
        let answered = Answered { status: head.status, headers: head.headers, body };
        assert_eq!(answered.header("correlation-id"), Some(REQUEST));
        answered
    }

    /// A request without token or other headers.
    async fn anybody(&self, method: &str, path: &str) -> Answered {
        self.call(Request::builder().method(method).uri(path).body(Body::empty()).expect("a request")).await
    }

    /// A request of the admin without other headers.
    async fn ask(&self, method: &str, path: &str) -> Answered {
        self.call(request(method, path).body(Body::empty()).expect("a request")).await
    }

    async fn post(&self, name: &str, body: impl Into<Body>) -> Answered {
        self.call(upload(name).body(body.into()).expect("a request")).await
    }

    /// Uploads a picture, which must be taken; the image.
    async fn image(&self, name: &str, picture: &'static [u8]) -> Value {
        self.post(name, Bytes::from_static(picture)).await.json(201)
    }

    /// What is behind the link of an image.
    async fn follow(&self, image: &Value) -> Answered {
        let link = text(&image["targets"]["original"]["href"]);
        self.anybody("GET", link.strip_prefix(BASE_URL).expect("a link to this server")).await
    }

    /// An upload of which the first half is sent and read.
    async fn open_upload(&self, bytes: Bytes, chunked: bool) -> (JoinHandle<Answered>, HeldHalf) {
        let (body, mut held) = half_open(&Payload::from(bytes), chunked);
        let (world, request) = (self.clone(), upload("a.gif").body(body).expect("a request"));
        let answer = tokio::spawn(async move { world.call(request).await });
        assert!(held.reached().await, "the upload was refused");
        (answer, held)
    }

    async fn usage(&self) -> Usage {
        self.store.usage(DIALECT, &format!("images/{ENVIRONMENT}")).await.expect("a usage")
    }

    /// Whether nothing of any upload is kept.
    #[track_caller]
    fn is_empty(&self) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let usage = testing::usage_at_rest(&self.store, DIALECT, &format!("images/{ENVIRONMENT}")).await;
            assert_eq!(usage, Usage::default(), "{caller}");
            let images = ListQuery::new(DIALECT, format!("images/{ENVIRONMENT}"), 1);
            assert_eq!(self.store.list(images).await.expect("a list"), [], "{caller}");
            let problems = self.store.fsck().await.expect("a check").problems;
            assert_eq!(problems, [], "{caller}");
        }
    }
}

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header("authorization", format!("Bearer {ADMIN}"))
}

fn upload(name: &str) -> http::request::Builder {
    request("POST", &images(ENVIRONMENT))
        .header("content-type", "image/*")
        .header("content-disposition", format!("attachment; filename={name}"))
}

fn images(environment: Uuid) -> String {
    format!("/v1/environments/{environment}/images")
}

fn image_path(image: &Value) -> String {
    format!("{}/{}", images(ENVIRONMENT), text(&image["id"]))
}

/// A body of unknown length.
fn chunked(bytes: impl Into<Bytes>) -> Body {
    whole(&Payload::from(bytes.into()), true)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is a text"))
}

impl Answered {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    #[track_caller]
    fn json(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {text}"))
    }

    /// The sentence of a refusal behind the first, and the code of its detail, if it has one.
    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> (String, String) {
        let body = self.json(status);
        assert_eq!((&body["id"], &body["code"]), (&REQUEST.into(), &code.into()), "{body}");
        let message = text(&body["message"]).strip_prefix("The request could not be completed. ");
        let message = message.expect("every message has the same beginning").to_owned();
        assert!(message.ends_with('.') && message.starts_with(char::is_uppercase), "{message}");
        let detail = body.get("details").map(|details| match details.as_array().map(Vec::as_slice) {
            Some([detail]) => text(&detail["code"]).to_owned(),
            _ => panic!("one detail or none: {body}"),
        });
        (message, detail.unwrap_or_default())
    }
}
