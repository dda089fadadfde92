//! The dialect in process: requests go through the generated router into a store of their own, nothing is mocked.

mod faults;
mod operations;
mod package;
mod packages;
mod refusals;
mod restarts;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use pentaprism_core::Body;
use pentaprism_core::dialects::azure_sphere::DIALECT;
use pentaprism_store::{Faults, Limits, ListQuery, ManualClock, Name, Options, RandomIds, Store, Timestamp, Usage};
use serde_json::Value;
use uuid::{Uuid, uuid};

use super::record::{ENDED, WAITING};
use super::{AzureSphere, Hold};
use crate::context::Context;
use crate::dialects::testing;
use crate::settings::{AzureSphereRights, PrincipalSettings, Settings, TenantSettings, Token};
use crate::tokens::RandomTokens;

/// 2026-11-21T00:42:39Z.
const START: i64 = 1_795_221_759_000_000;

const MAKER: &str = "token-of-the-maker";
const TENANT: Uuid = uuid!("768c2cd6-1bf0-4521-9f53-084a331d81cb");
const OTHER: Uuid = uuid!("99999999-9999-4999-8999-999999999999");

/// A dialect with its store and its clock.
#[derive(Clone)]
struct World {
    sphere: Arc<AzureSphere>,
    store: Store,
    clock: Arc<ManualClock>,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_unix_micros(START)))
}

/// The usual settings with two tenants and a principal that may use both.
fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.azure_sphere.tenants.push(TenantSettings { id: OTHER, name: "Other".to_owned() });
    settings.principals = vec![PrincipalSettings {
        name: "maker".to_owned(),
        token: Token::new(MAKER),
        azure_sphere: Some(AzureSphereRights { tenants: vec![OTHER, TENANT] }),
        ..PrincipalSettings::development()
    }];
    settings
}

impl World {
    /// A world whose operations are carried out at once.
    async fn new() -> Self {
        let world = Self::waiting(settings()).await;
        world.sphere.start();
        world
    }

    /// A world whose operations wait until somebody starts the worker.
    async fn waiting(settings: Settings) -> Self {
        let clock = clock();
        let store = Store::open(Options::ephemeral().clock(clock.clone())).await.expect("a temporary store opens");
        Self::over(settings, store, clock, Hold::Nowhere)
    }

    /// A world whose storage fails on demand, and whose operations wait.
    async fn faulty() -> (Self, Faults) {
        let clock = clock();
        let limits = Limits { deadline: Duration::from_millis(500), ..Limits::default() };
        let options = Options::ephemeral().clock(clock.clone()).limits(limits);
        let (store, faults) = Store::open_faulty(options).await.expect("a temporary store opens");
        (Self::over(settings(), store, clock, Hold::Nowhere), faults)
    }

    fn over(settings: Settings, store: Store, clock: Arc<ManualClock>, hold: Hold) -> Self {
        let context = Context::new(settings, store.clone(), clock.clone(), Arc::new(RandomIds), Arc::new(RandomTokens));
        Self { sphere: Arc::new(AzureSphere::new(context).held(hold)), store, clock }
    }

    async fn call(&self, request: Request<Body>) -> Answered {
        let (head, body) = testing::answer(&*self.sphere, request).await;
        Answered { status: head.status, headers: head.headers, body }
    }

    /// A request of the maker.
    async fn ask(&self, method: &str, path: &str, body: impl Into<Body>) -> Answered {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {MAKER}"));
        self.call(request.body(body.into()).expect("a request")).await
    }

    async fn get(&self, path: &str) -> Answered {
        self.ask("GET", path, Body::empty()).await
    }

    async fn post(&self, tenant: Uuid, body: impl Into<Body>) -> Answered {
        self.ask("POST", &format!("/v2/tenants/{tenant}/images"), body).await
    }

    /// Uploads a package, which must be taken; the id of the operation.
    async fn upload(&self, package: impl Into<Bytes>) -> Uuid {
        let operation = self.post(TENANT, package.into()).await.json(200);
        assert_eq!(operation["State"], 0);
        operation["OperationId"].as_str().expect("an id").parse().expect("a UUID")
    }

    /// The operation as clients see it.
    async fn operation(&self, id: Uuid) -> Value {
        self.get(&format!("/v2/tenants/{TENANT}/operations/{id}")).await.json(200)
    }

    async fn state(&self, id: Uuid) -> i64 {
        self.operation(id).await["State"].as_i64().expect("a number")
    }

    /// Lets the worker look once more, and waits until it has.
    async fn look(&self) {
        self.sphere.bell.ring();
        self.sphere.settled().await;
    }

    /// As [`Self::look`], a minute later.
    async fn look_later(&self) {
        // Time passes only while the store has nothing to do, or it would miss its deadlines.
        self.sphere.settled().await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_mins(1)).await;
        tokio::time::resume();
        self.look().await;
    }

    async fn usage(&self) -> Usage {
        self.store.usage(DIALECT, &format!("images/{TENANT}")).await.expect("a usage")
    }

    async fn names(&self, dialect: &str, scope: &str) -> Vec<Name> {
        self.store.list(ListQuery::new(dialect, scope, 1000)).await.expect("a list")
    }

    /// Whether nothing of any upload is kept.
    #[track_caller]
    fn is_empty(&self) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let usage = testing::usage_at_rest(&self.store, DIALECT, &format!("images/{TENANT}")).await;
            assert_eq!(usage, Usage::default(), "{caller}");
            for scope in ["operations", WAITING, ENDED, &format!("images/{TENANT}")] {
                assert_eq!(self.names(DIALECT, scope).await, [], "{caller}: {scope}");
            }
            self.is_sound().await;
        }
    }

    /// Whether the store is whole and no bytes are left over.
    async fn is_sound(&self) {
        let problems = self.store.fsck().await.expect("a check").problems;
        assert_eq!(problems, []);
    }
}

impl Answered {
    #[track_caller]
    fn json(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.headers["content-type"], "application/json; charset=utf-8");
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {text}"))
    }

    /// The text of a refusal, which is an array of one problem with the status.
    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> String {
        let body = self.json(status);
        let [problem] = body.as_array().expect("an array").as_slice() else { panic!("{body}") };
        assert_eq!((&problem["Status"], &problem["ErrorCode"]), (&status.into(), &code.into()), "{body}");
        let members: Vec<_> = problem.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(members, ["Detail", "ErrorCode", "Extensions", "Instance", "Status", "Title", "Type"]);
        let text = problem["Detail"].as_str().expect("a text").to_owned();
        assert!(text.ends_with('.') && !text.starts_with(char::is_lowercase), "{text}");
        text
    }
}
