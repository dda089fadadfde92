//! The dialect in process: requests go through the generated router into a store of their own, nothing is mocked.

mod failures;
mod images;
mod lists;
mod sharing;
mod uploads;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use pentaprism_core::Body;
use pentaprism_store::{ManualClock, Options, RandomIds, Store, Timestamp};
use pentaprism_testkit::body::{HeldHalf, half_open, whole};
use pentaprism_testkit::exchange::Payload;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::{Uuid, uuid};

use super::Glance;
use crate::context::Context;
use crate::dialects::testing;
use crate::settings::{Access, GlanceRights, PrincipalSettings, Role, Settings, Token};
use crate::tokens::RandomTokens;

/// 2026-11-21T00:42:39Z.
const START: i64 = 1_795_221_759_000_000;

const OWNER: &str = "token-of-the-owner";
const READER: &str = "token-of-a-reader";
const MEMBER: &str = "token-of-the-member";
const STRANGER: &str = "token-of-a-stranger";
const ADMIN: &str = "token-of-the-admin";

const OWNERS_PROJECT: Uuid = uuid!("11111111-1111-4111-8111-111111111111");
const MEMBERS_PROJECT: Uuid = uuid!("22222222-2222-4222-8222-222222222222");
const STRANGERS_PROJECT: Uuid = uuid!("33333333-3333-4333-8333-333333333333");

/// The id of the document's sample.
const IMAGE: &str = "cf433676-4896-400d-8ec1-05118365d9d2";

/// A dialect with its store.
#[derive(Clone)]
struct World {
    glance: Glance,
    store: Store,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }
}

/// The usual settings with one principal per way to stand to an image.
fn settings() -> Settings {
    let principal = |token: &str, project: Uuid, roles: &[Role]| PrincipalSettings {
        name: token.to_owned(),
        token: Token::new(token),
        glance: Some(GlanceRights { project, user: Uuid::nil(), roles: roles.iter().copied().collect() }),
        service_fabric: Access::None,
        ..PrincipalSettings::development()
    };
    let admins = uuid!("00000000-0000-4000-8000-0000000000aa");
    let without_glance = PrincipalSettings { glance: None, ..principal("token-without-glance", Uuid::nil(), &[]) };
    Settings {
        principals: vec![
            principal(ADMIN, admins, &[Role::Admin, Role::Member]),
            principal(OWNER, OWNERS_PROJECT, &[Role::Member]),
            principal(READER, OWNERS_PROJECT, &[Role::Reader]),
            principal(MEMBER, MEMBERS_PROJECT, &[Role::Member]),
            principal(STRANGER, STRANGERS_PROJECT, &[Role::Member]),
            without_glance,
        ],
        ..Settings::default()
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_unix_micros(START)))
}

impl World {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: Settings) -> Self {
        let options = Options::ephemeral().clock(clock());
        Self::over(settings, Store::open(options).await.expect("a temporary store opens"))
    }

    fn over(settings: Settings, store: Store) -> Self {
        let context = Context::new(settings, store.clone(), clock(), Arc::new(RandomIds), Arc::new(RandomTokens));
        Self { glance: Glance::new(context), store }
    }

    async fn call(&self, request: Request<Body>) -> Answered {
        let (head, body) = testing::answer(&self.glance, request).await;
        Answered { status: head.status, headers: head.headers, body }
    }

    /// A request without headers but the token.
    async fn ask(&self, token: &str, method: &str, path: &str, body: impl Into<Body>) -> Answered {
        self.call(request(token, method, path).body(body.into()).expect("a request")).await
    }

    async fn get(&self, token: &str, path: &str) -> Answered {
        self.ask(token, "GET", path, Body::empty()).await
    }

    async fn post(&self, token: &str, path: &str, body: &Value) -> Answered {
        self.ask(token, "POST", path, body.to_string().into_bytes()).await
    }

    /// A queued image of the owner that takes an upload.
    async fn image(&self, id: &str, more: Value) {
        let mut body = json!({"id": id, "disk_format": "raw", "container_format": "bare"});
        let more = more.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(more);
        let created = self.post(OWNER, "/v2/images", &body).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
    }

    async fn upload(&self, token: &str, id: &str, body: impl Into<Body>) -> Answered {
        self.call(upload(token, id).body(body.into()).expect("a request")).await
    }

    /// An upload of which the first half is sent and read.
    async fn open_upload(&self, id: &str, bytes: &'static [u8], chunked: bool) -> (JoinHandle<Answered>, HeldHalf) {
        let (body, mut held) = half_open(&Payload::from(Bytes::from_static(bytes)), chunked);
        let (world, request) = (self.clone(), upload(OWNER, id).body(body).expect("a request"));
        let answer = tokio::spawn(async move { world.call(request).await });
        let read = held.reached().await;
        assert!(read, "the upload was refused");
        (answer, held)
    }

    /// What the image's status is for its owner.
    async fn status(&self, id: &str) -> String {
        let shown = self.get(OWNER, &format!("/v2/images/{id}")).await;
        shown.json()["status"].as_str().unwrap_or_default().to_owned()
    }
}

fn request(token: &str, method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header("x-auth-token", token)
}

fn upload(token: &str, id: &str) -> http::request::Builder {
    request(token, "PUT", &format!("/v2/images/{id}/file")).header("content-type", "application/octet-stream")
}

/// A body of unknown length.
fn chunked(bytes: impl Into<Bytes>) -> Body {
    whole(&Payload::from(bytes.into()), true)
}
