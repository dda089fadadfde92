//! The dialect in process, together with the public links: requests go through the generated routers into a store of
//! their own, nothing is mocked.

mod embedded;
mod failures;
mod lists;
mod refusals;
mod uploads;
mod views;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use pentaprism_core::Body;
use pentaprism_store::{Faults, Limits, ListQuery, Options, RandomIds, Store, SystemClock};
use png::{BitDepth, ColorType, Compression, Decoder, Encoder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::SavedViews;
use super::data_url::PREFIX;
use super::view::ACCOUNT;
use crate::context::Context;
use crate::dialects::public::Public;
use crate::dialects::testing::{self, BASE_URL};
use crate::settings::{DEFAULT_SAVED_VIEW, PrincipalSettings, SavedViewsRights, Settings, Token};
use crate::tokens::RandomTokens;

const OWNER: &str = "token-of-the-owner";
const OTHER: &str = "token-of-another";
const MANAGER: &str = "token-of-a-manager";

/// The user of [`OWNER`].
const OWNING_USER: Uuid = Uuid::from_u128(1);

/// The dialect and the public links over one store.
#[derive(Clone)]
struct World {
    views: SavedViews,
    public: Public,
    store: Store,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    let people = [(OWNER, OWNING_USER, false), (OTHER, Uuid::from_u128(2), false), (MANAGER, Uuid::from_u128(3), true)];
    settings.principals = people
        .into_iter()
        .map(|(token, user, manage)| {
            let development = PrincipalSettings::development();
            let rights = SavedViewsRights { user, manage, ..development.saved_views.clone().expect("it has them") };
            let (name, token) = (token.to_owned(), Token::new(token));
            PrincipalSettings { name, token, saved_views: Some(rights), ..development }
        })
        .collect();
    settings.saved_views.default_view_owner = OWNING_USER;
    settings
}

impl World {
    /// A world with the default view.
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: Settings) -> Self {
        Self::open(settings, Options::ephemeral()).await
    }

    /// A world that is there again after a restart.
    async fn in_folder(folder: &Path, settings: Settings) -> Self {
        Self::open(settings, Options::folder(folder)).await
    }

    async fn open(settings: Settings, options: Options) -> Self {
        let store = Store::open(options).await.expect("the store opens");
        Self::over(settings, store).await
    }

    /// A world whose storage fails on demand.
    async fn faulty() -> (Self, Faults) {
        let limits = Limits { deadline: Duration::from_millis(500), ..Limits::default() };
        let opened = Store::open_faulty(Options::ephemeral().limits(limits)).await;
        let (store, faults) = opened.expect("a temporary store opens");
        (Self::over(settings(), store).await, faults)
    }

    async fn over(settings: Settings, store: Store) -> Self {
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
        let context = Context::new(settings, store.clone(), clock, ids, Arc::new(RandomTokens));
        let views = SavedViews::new(context.clone());
        views.prepare().await.expect("the default view can be made");
        Self { views, public: Public::new(context), store }
    }

    async fn close(self) {
        assert!(self.store.close(Duration::from_secs(30)).await, "everything ended in time");
    }

    /// Sends a request as the program would hand it on.
    async fn send(&self, token: &str, method: &str, path: &str, body: impl Into<Body>) -> Answered {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        self.call(request.body(body.into()).expect("a request")).await
    }

    async fn call(&self, request: Request<Body>) -> Answered {
        let (head, body) = if request.uri().path().starts_with("/public/") {
            testing::answer(&self.public, request).await
        } else {
            testing::answer(&self.views, request).await
        };
        Answered { status: head.status, headers: head.headers, body }
    }

    /// Puts a picture on the default view.
    async fn put(&self, picture: &[u8]) -> Answered {
        self.send(OWNER, "PUT", &image(DEFAULT_SAVED_VIEW), update(picture)).await
    }

    /// Where the default view's picture is.
    async fn href(&self, size: &str) -> String {
        let path = format!("{}?size={size}", image(DEFAULT_SAVED_VIEW));
        let answered = self.send(OWNER, "GET", &path, Body::empty()).await;
        answered.expect(200)["href"].as_str().expect("a text").to_owned()
    }

    /// What anybody gets who follows a link.
    async fn follow(&self, href: &str) -> Answered {
        let path = href.strip_prefix(BASE_URL).expect("a link to this server");
        self.call(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    /// Picture and thumbnail of the default view.
    async fn pictures(&self) -> (Bytes, Bytes) {
        let (full, thumbnail) = (self.href("full").await, self.href("thumbnail").await);
        let (full, thumbnail) = (self.follow(&full).await, self.follow(&thumbnail).await);
        assert_eq!((full.status.as_u16(), thumbnail.status.as_u16()), (200, 200));
        (full.body, thumbnail.body)
    }

    /// Makes a view of the owner and tells its id.
    async fn create(&self, shared: bool) -> String {
        let body = json!({
            "iTwinId": Uuid::from_u128(7), "displayName": "x", "shared": shared, "savedViewData": {"itwin3dView": {}},
        });
        let answered = self.send(OWNER, "POST", "/savedviews/", body.to_string().into_bytes()).await;
        answered.expect(201)["savedView"]["id"].as_str().expect("a text").to_owned()
    }

    /// How many links there are.
    async fn links(&self) -> usize {
        let links = ListQuery::new("public", "links", 1000);
        self.store.list(links).await.expect("the store answers").len()
    }

    /// What pictures and thumbnails count for, and what is reserved.
    async fn usage(&self) -> (u64, u64) {
        let usage = self.store.usage("saved_views", ACCOUNT).await.expect("the store answers");
        (usage.bytes, usage.reserved)
    }
}

impl Answered {
    /// The JSON of an answer with this status.
    #[track_caller]
    fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }

    #[track_caller]
    fn expect_empty(&self) {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!((self.status, &*text), (StatusCode::NO_CONTENT, ""));
    }

    /// A refusal, which has code and message in all cases.
    #[track_caller]
    fn expect_refusal(&self, status: u16, code: &str) -> String {
        let body = self.expect(status);
        let error = &body["error"];
        assert_eq!(error["code"], code);
        error["message"].as_str().expect("a text").to_owned()
    }
}

fn view(id: &str) -> String {
    format!("/savedviews/{id}")
}

fn image(id: &str) -> String {
    format!("/savedviews/{id}/image")
}

/// The body that puts some bytes on a view.
fn update(picture: &[u8]) -> Vec<u8> {
    json!({"image": format!("{PREFIX}{}", STANDARD.encode(picture))}).to_string().into_bytes()
}

/// A square grey picture. It is not compressed, so that it has as many bytes as pixels and some more.
fn picture(side: u32, shade: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::NoCompression);
    let mut writer = encoder.write_header().expect("memory takes every byte");
    let pixels = vec![shade; usize::try_from(side * side).expect("a small picture")];
    writer.write_image_data(&pixels).expect("as many pixels as the sides say");
    writer.finish().expect("memory takes every byte");
    bytes
}

/// Side and shade of a picture of one colour.
fn look(png: &[u8]) -> (u32, u8) {
    let mut reader = Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a small picture")];
    let info = reader.next_frame(&mut pixels).expect("a PNG");
    assert_eq!((info.width, pixels.iter().min()), (info.height, pixels.iter().max()), "a square of one colour");
    (info.width, pixels[0])
}
