//! Each API as the commands see it, against the real server in process; only time is the tests' own.

mod azure_sphere;
mod commands;
mod glance;
mod pingone;
mod saved_views;
mod service_fabric;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use http::{Request, Response};
use pentaprism_client::retry::Clock;
use pentaprism_client::{InProcess, SourceError};
use pentaprism_core::BodyError;

use super::*;
use crate::app::App;
use crate::in_process::Server;
use crate::remote::failure::FailureKind;
use crate::settings::{DEFAULT_ENVIRONMENT, DEFAULT_SAVED_VIEW_ITWIN, DEFAULT_TENANT, DEVELOPMENT_TOKEN};

type Deed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Time that passes at once. In each pause the next deed is done, and the server ends what it has begun.
#[derive(Clone)]
struct Pauses {
    app: App,
    deeds: Arc<Mutex<VecDeque<Deed>>>,
    count: Arc<Mutex<u32>>,
}

impl Clock for Pauses {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep(&self, pause: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // Longer ones are deadlines, not pauses.
        if pause > Duration::from_secs(20) {
            return Box::pin(std::future::pending());
        }
        Box::pin(async {
            let deed = self.deeds.lock().unwrap().pop_front();
            if let Some(deed) = deed {
                deed.await;
            }
            self.app.settled().await;
            let mut count = self.count.lock().unwrap();
            *count += 1;
            assert!(*count < 1000, "it waits for what does not come");
        })
    }
}

/// What a test changes of a request, or answers itself.
type Twist = fn(&mut Request<Body>) -> Option<Response<Body>>;

/// A server, and time.
struct World {
    server: Server,
    pauses: Pauses,
    token: &'static str,
    twist: Twist,
    unfinished: Unfinished,
}

impl World {
    async fn new() -> Self {
        let server = Server::start().await.unwrap();
        let pauses = Pauses { app: server.app().clone(), deeds: Arc::default(), count: Arc::default() };
        Self { server, pauses, token: DEVELOPMENT_TOKEN, twist: |_| None, unfinished: Unfinished::default() }
    }

    /// The same, over whose requests `twist` comes first.
    fn twisted(&self, twist: Twist) -> Self {
        Self {
            server: self.server.clone(),
            pauses: self.pauses.clone(),
            token: self.token,
            twist,
            unfinished: self.unfinished.clone(),
        }
    }

    /// Asked by somebody whom the server does not know.
    fn stranger(&self) -> Self {
        Self { token: "a-token-of-nobody", ..self.twisted(self.twist) }
    }

    fn open(&self, address: &str) -> Box<dyn Remote> {
        let places = Places {
            tenant: Some(DEFAULT_TENANT.to_string()),
            environment: Some(DEFAULT_ENVIRONMENT.to_string()),
            itwin: Some(DEFAULT_SAVED_VIEW_ITWIN.to_string()),
            imodel: None,
        };
        self.open_at(address, &places)
    }

    fn open_at(&self, address: &str, places: &Places) -> Box<dyn Remote> {
        let address: Address = address.parse().unwrap();
        let (app, twist) = (self.server.app().clone(), self.twist);
        let transport = InProcess(move |mut request: Request<Body>| {
            let app = app.clone();
            async move {
                match twist(&mut request) {
                    Some(answer) => answer,
                    None => app.call(request).await,
                }
            }
        });
        let credential = match address.place {
            Place::Glance(_) => Credential::auth_token(self.token),
            _ => Credential::bearer(self.token),
        };
        let way = Way {
            transport,
            base: Server::base(),
            credential: credential.unwrap(),
            retry: Retry::standard().with_clock(Arc::new(self.pauses.clone())),
            places,
            server: "http://localhost",
            unfinished: self.unfinished.clone(),
        };
        bound(&address, way)
    }

    /// Does `deed` in the next pause that has none yet.
    fn later(&self, deed: impl Future<Output = ()> + Send + 'static) {
        self.pauses.deeds.lock().unwrap().push_back(Box::pin(deed));
    }

    async fn put(&self, address: &str, bytes: impl Into<Source>) -> Result<Placed, Failure> {
        self.put_as(address, bytes, PutOptions { wait: true, ..PutOptions::default() }).await
    }

    async fn put_as(&self, address: &str, bytes: impl Into<Source>, options: PutOptions) -> Result<Placed, Failure> {
        let file_name = Some("file.bin".to_owned());
        self.open(address).put(Upload { source: bytes.into(), file_name, options }).await
    }

    async fn get(&self, address: &str, from: u64) -> Result<(Fetched, Vec<u8>), Failure> {
        let mut fetched = self.open(address).get(from).await?;
        let body = std::mem::replace(&mut fetched.body, Body::empty());
        Ok((fetched, body.collect(64 << 20).await.unwrap().to_vec()))
    }

    async fn list(&self, address: &str, query: &ListQuery) -> Result<Vec<Entry>, Failure> {
        let mut entries = Vec::new();
        let mut take = |entry| {
            entries.push(entry);
            Ok(())
        };
        self.open(address).list(query, &mut take).await?;
        Ok(entries)
    }

    /// What each of the entries is called on the command line.
    async fn addresses(&self, address: &str, query: &ListQuery) -> Vec<String> {
        self.list(address, query).await.unwrap().iter().map(|entry| entry.address.to_string()).collect()
    }

    async fn stat(&self, address: &str) -> Result<Entry, Failure> {
        self.open(address).stat().await
    }

    async fn remove(&self, address: &str) -> Result<(), Failure> {
        self.open(address).remove(false).await
    }

    async fn wait(&self, address: &str) -> Result<Option<Entry>, Failure> {
        self.open(address).wait(false).await
    }

    async fn gone(&self, address: &str) -> Result<Option<Entry>, Failure> {
        self.open(address).wait(true).await
    }
}

/// As an upload with `--verify`.
fn verified() -> PutOptions {
    PutOptions { wait: true, verify: true, ..PutOptions::default() }
}

/// A stream that can be read once.
fn stream(bytes: impl Into<Body>) -> Source {
    Source::once(Body::stream(Nameless(bytes.into())), None)
}

/// A body that does not tell its length.
struct Nameless(Body);

impl http_body::Body for Nameless {
    type Data = bytes::Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }
}

/// A picture of one point.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 4, 0, 0, 0,
    0xb5, 0x1c, 0x0c, 0x02, 0, 0, 0, 11, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63, 0x64, 0x60, 0, 0, 0, 6, 0, 2, 0x30,
    0x81, 0xd0, 0x2f, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// The address of nothing.
const NOBODY: &str = "cf433676-4896-400d-8ec1-05118365d9d2";

/// Whether a failure is of `kind`, and says `words` somewhere.
#[track_caller]
fn fails<T: std::fmt::Debug>(result: Result<T, Failure>, kind: FailureKind, words: &str) {
    let failure = result.expect_err("it has worked");
    let said = failure.lines(crate::remote::paint::Paint::NONE);
    assert!(failure.kind == kind && said.contains(words), "{:?}: {said}", failure.kind);
}

/// A source that breaks off.
fn broken() -> Source {
    struct Broken;

    impl pentaprism_client::ReadRange for Broken {
        fn length(&self) -> u64 {
            5
        }

        fn read(
            &self,
            _: std::ops::Range<u64>,
        ) -> Pin<Box<dyn Future<Output = Result<Body, SourceError>> + Send + '_>> {
            let error = SourceError::Read(std::io::Error::other("the disk is broken"));
            Box::pin(std::future::ready(Err(error)))
        }
    }

    Source::ranges(Broken)
}

#[tokio::test]
async fn whom_the_service_does_not_know_is_told_so_by_every_api() {
    let world = World::new().await.stranger();
    let view = crate::settings::DEFAULT_SAVED_VIEW;
    for address in [
        format!("glance:{NOBODY}"),
        format!("sphere:{NOBODY}"),
        format!("pingone:{NOBODY}"),
        format!("views:{view}"),
        "sf:a".into(),
    ] {
        fails(world.stat(&address).await, FailureKind::NotAllowed, "the token is");
        fails(world.wait(&address).await, FailureKind::NotAllowed, &address);
        fails(world.get(&address, 0).await.map(drop), FailureKind::NotAllowed, "http://localhost");
    }
    for address in ["glance:x", "sphere:", "pingone:", &format!("views:{view}"), "sf:a"] {
        fails(world.put(address, PNG.to_vec()).await.map(drop), FailureKind::NotAllowed, "the token is");
    }
}

#[tokio::test]
async fn a_disk_that_breaks_is_not_the_services_fault() {
    let world = World::new().await;
    let view = crate::settings::DEFAULT_SAVED_VIEW;
    for address in ["glance:x", "sphere:", "pingone:", &format!("views:{view}"), "sf:a"] {
        fails(world.put(address, broken()).await.map(drop), FailureKind::Local, "the disk is broken");
    }
    assert!(world.addresses("glance:", &ListQuery::default()).await.is_empty(), "what was created is deleted again");
}
