//! Plays every exchange against the server, in this process and over a store that can be made to fail.
//!
//! `cargo test -p pentaprism --test exchanges -- <part of a name>` plays some of them; with `UPDATE_EXCHANGES=1` the answers
//! are written into the files.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Request;
use pentaprism::app::App;
use pentaprism::context::Context;
use pentaprism::dialects::Dialects;
use pentaprism::dialects::azure_sphere::{AzureSphere, Hold};
use pentaprism::mount::Dialect;
use pentaprism::settings::Settings;
use pentaprism::tokens::Tokens;
use pentaprism_core::Body;
use pentaprism_store::{Change, Condition, Faults, ListQuery, ManualClock, SequentialIds, Store, Timestamp, Update};
use pentaprism_testkit::drive::server::{self, Answering, World};
use pentaprism_testkit::exchange::{Exchange, Given, Progress, Twist};
use pentaprism_testkit::world::{self, BEGINNING, CountingIds, PROGRAM_IDS, REQUEST_IDS};
use pentaprism_testkit::{exchange, harness};

/// Ids that nobody sees: those of the store.
const STORE_IDS: u64 = 7;

/// More images than an exchange has.
const ALL_IMAGES: usize = 100;

fn main() -> ExitCode {
    harness::run(&exchange::root(), &[("server", |found| server::run(found, FixedWorld::new))])
}

/// Secrets that count, so that a reader of an exchange can count along.
#[derive(Default)]
struct CountingTokens(AtomicU64);

impl Tokens for CountingTokens {
    fn next(&self) -> [u8; 16] {
        (u128::from(self.0.fetch_add(1, Ordering::SeqCst)) + 1).to_be_bytes()
    }
}

/// The server of one exchange.
struct FixedWorld {
    app: App,
    store: Store,
    faults: Faults,
    clock: Arc<ManualClock>,
}

impl FixedWorld {
    fn new(exchange: &Exchange) -> impl Future<Output = Result<Self, String>> + use<> {
        let settings = toml::from_str::<Settings>(&world::settings(exchange)).map_err(|error| error.to_string());
        let ranges = exchange.given.iter().find_map(|given| match given {
            Given::SessionRanges(limit) => Some(*limit),
            _ => None,
        });
        let hold = exchange.given.iter().find_map(|given| match given {
            Given::Operations(Progress::Waiting) => Some(Hold::BeforeBeginning),
            Given::Operations(Progress::Started) => Some(Hold::BeforeEnd),
            _ => None,
        });
        async move { Self::open(settings?, ranges, hold.unwrap_or_default()).await }
    }

    async fn open(settings: Settings, session_ranges: Option<u64>, hold: Hold) -> Result<Self, String> {
        settings.check().map_err(|error| error.to_string())?;
        let beginning = i64::try_from(BEGINNING * 1_000_000).expect("this century");
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_micros(beginning)));
        let mut options = settings.store_options().clock(clock.clone()).ids(Arc::new(SequentialIds::new(STORE_IDS)));
        if let Some(limit) = session_ranges {
            options.limits.session_ranges = limit;
        }
        let (store, faults) = Store::open_faulty(options).await.map_err(|error| error.to_string())?;
        let ids = Arc::new(CountingIds::new(PROGRAM_IDS));
        let context = Context::new(settings, store.clone(), clock.clone(), ids, Arc::new(CountingTokens::default()));
        let request_ids = Arc::new(CountingIds::new(REQUEST_IDS));
        let dialects = Dialects::of(|dialect| match dialect {
            Dialect::AzureSphere => Box::new(AzureSphere::new(context.clone()).held(hold)),
            other => Dialects::usual(other, &context),
        });
        let app = App::new(&context.settings, dialects, store.clone(), request_ids);
        app.prepare().await.map_err(|error| error.to_string())?;
        Ok(Self { app, store, faults, clock })
    }

    /// What no documented call does: images become private and keep their members.
    async fn make_images_private(&self) {
        let images = ListQuery::new("glance", "images", ALL_IMAGES);
        let images = self.store.list(images).await.expect("nothing fails yet");
        let change = images.into_iter().fold(Change::new(), |change, image| {
            let mut attributes = image.attributes;
            attributes["visibility"] = "private".into();
            change.update(image.key, Condition::EXISTS, Update::default().attributes(attributes))
        });
        self.store.apply(change).await.expect("the images are there");
    }
}

impl World for FixedWorld {
    fn call(&self, request: Request<Body>) -> Answering {
        let app = self.app.clone();
        Box::pin(async move {
            // What earlier requests left to the background is done before the next one looks.
            app.settled().await;
            app.call(request).await
        })
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn begin(&self, twist: Twist) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        match twist {
            Twist::StoreReadOnly => self.faults.read_only(true),
            Twist::StoreFull => self.faults.disk_full(true),
            Twist::StoreFails | Twist::CatalogFails => {
                self.faults.io_error(true);
                self.faults.fail_reads(true);
            }
            Twist::StoreHangs | Twist::CatalogHangs => {
                self.faults.hang(true);
                self.faults.hang_reads(true);
            }
            Twist::ImagesPrivate => return Box::pin(self.make_images_private()),
        }
        Box::pin(std::future::ready(()))
    }

    fn stuck(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.faults.hung())
    }
}
