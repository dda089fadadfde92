//! The dialect in process: requests go through the generated router into a store of their own, nothing is mocked.

mod answers;
mod copies;
mod files;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, StatusCode};
use hyper::ext::ReasonPhrase;
use pentaprism_core::Body;
use pentaprism_store::{Clock, Limits, ManualClock, Options, RandomIds, Store, Timestamp};
use serde_json::Value;

use super::ServiceFabric;
use crate::context::Context;
use crate::dialects::testing;
use crate::settings::{Access, PrincipalSettings, Settings, Token};
use crate::tokens::RandomTokens;

/// 2026-11-21T00:42:39Z.
const START: i64 = 1_795_221_759_000_000;

/// An upload session id.
const SESSION: &str = "4a2340e8-d8d8-497c-95fe-cdaa1052f33b";

/// A dialect with its store and its clock.
struct World {
    fabric: ServiceFabric,
    store: Store,
    clock: Arc<ManualClock>,
}

/// An answer, read to its end.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    reason: Option<String>,
    body: Bytes,
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_unix_micros(START)))
}

/// The usual settings and a principal that may only read.
fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.principals.push(PrincipalSettings {
        name: "viewer".to_owned(),
        token: Token::new("token-of-the-viewer"),
        service_fabric: Access::ReadOnly,
        ..PrincipalSettings::development()
    });
    settings
}

impl World {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: Settings) -> Self {
        let clock = clock();
        let store = Store::open(Options::ephemeral().clock(clock.clone())).await.expect("a temporary store opens");
        Self::over(settings, store, clock)
    }

    async fn with_limits(limits: Limits) -> Self {
        let clock = clock();
        let options = Options::ephemeral().clock(clock.clone()).limits(limits);
        Self::over(settings(), Store::open(options).await.expect("a temporary store opens"), clock)
    }

    fn over(settings: Settings, store: Store, clock: Arc<ManualClock>) -> Self {
        let shared: Arc<dyn Clock> = clock.clone();
        let context = Context::new(settings, store.clone(), shared, Arc::new(RandomIds), Arc::new(RandomTokens));
        Self { fabric: ServiceFabric::new(context), store, clock }
    }

    /// Sends a request as the program would hand it on.
    async fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Body) -> Answered {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, body) = testing::answer(&self.fabric, request.body(body).expect("a request")).await;
        let reason = head.extensions.get::<ReasonPhrase>();
        let reason = reason.map(|phrase| String::from_utf8_lossy(phrase.as_bytes()).into_owned());
        Answered { status: head.status, headers: head.headers, reason, body }
    }

    async fn get(&self, target: &str) -> Answered {
        self.send("GET", target, &[], Body::empty()).await
    }

    /// Uploads a file, which must work.
    async fn put(&self, path: &str, content: impl Into<Body>) {
        let target = format!("/ImageStore/{path}?api-version=6.1");
        self.send("PUT", &target, &[], content.into()).await.expect_empty();
    }

    /// Sends a chunk of the session [`SESSION`].
    async fn chunk(&self, path: &str, range: &str, body: impl Into<Body>) -> Answered {
        let target = format!("/ImageStore/{path}/$/UploadChunk?api-version=6.0&session-id={SESSION}");
        self.send("PUT", &target, &[("Content-Range", range)], body.into()).await
    }

    async fn session(&self, method: &str, action: &str) -> Answered {
        let target = format!("/ImageStore/$/{action}?api-version=6.0&session-id={SESSION}");
        self.send(method, &target, &[], Body::empty()).await
    }

    async fn commit(&self) -> Answered {
        self.session("POST", "CommitUploadSession").await
    }

    /// The ranges that the session still expects, as `first-last`.
    async fn expected(&self) -> Vec<String> {
        let found = self.session("GET", "GetUploadSession").await.json();
        let ranges = found["UploadSessions"][0]["ExpectedRanges"].as_array().expect("a list of ranges").clone();
        let text = |range: &Value, name: &str| range[name].as_str().expect("a decimal string").to_owned();
        ranges.iter().map(|range| format!("{}-{}", text(range, "StartPosition"), text(range, "EndPosition"))).collect()
    }

    /// A file's bytes.
    async fn read(&self, path: &str) -> Bytes {
        let answered = self.get(&format!("/ImageStore/{path}/$/Download?api-version=6.0")).await;
        assert_eq!(answered.status, StatusCode::OK, "{path}: {}", answered.text());
        answered.body
    }

    /// Every file below the root with its size, by path.
    async fn everything(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let level = self.get(&format!("/ImageStore/{folder}?api-version=6.0")).await.json();
            for file in level["StoreFiles"].as_array().expect("a list of files") {
                files.push((text(file, "StoreRelativePath"), text(file, "FileSize")));
            }
            folders.extend(
                level["StoreFolders"]
                    .as_array()
                    .expect("a list of folders")
                    .iter()
                    .map(|f| text(f, "StoreRelativePath")),
            );
        }
        files.sort();
        files.dedup();
        files
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is text in {value}")).to_owned()
}

impl Answered {
    fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(self.headers["x-content-type-options"], "nosniff");
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The success of everything that answers nothing.
    #[track_caller]
    fn expect_empty(&self) {
        assert_eq!((self.status, self.text().as_str()), (StatusCode::OK, ""));
        assert_eq!(self.headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(self.headers["x-content-type-options"], "nosniff");
        assert!(!self.headers.contains_key(CONTENT_LENGTH), "the connection counts");
    }

    /// A refusal: status and code in the body, the code again in the reason phrase, and a sentence of use to people.
    #[track_caller]
    fn expect_refusal(&self, status: u16, code: &str) {
        let body = self.json();
        let message = text(&body["Error"], "Message");
        assert_eq!((self.status.as_u16(), text(&body["Error"], "Code").as_str()), (status, code), "{message}");
        let phrase = match code {
            "E_INVALIDARG" => "Bad Request",
            "E_ACCESSDENIED" => "Access Denied",
            other => other,
        };
        assert_eq!(self.reason.as_deref(), Some(phrase));
        assert!(message.ends_with('.') && message.len() > 20 && !message.contains("Null"), "{message}");
        assert!(message.starts_with(|first: char| !first.is_lowercase()), "{message}");
    }
}
