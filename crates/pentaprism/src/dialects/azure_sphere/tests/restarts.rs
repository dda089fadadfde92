//! What is not done when the server ends is done after it starts again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use pentaprism_core::Body;
use pentaprism_core::dialects::azure_sphere::DIALECT;
use pentaprism_store::{ManualClock, Options, RandomIds, Store, SystemClock};
use serde_json::Value;

use super::packages::{WASHER, application};
use super::{Hold, MAKER, TENANT, WAITING, World, clock, settings};
use crate::app::App;
use crate::context::Context;
use crate::dialects::Dialects;
use crate::tokens::RandomTokens;

/// A server over the data of a folder.
async fn begin(folder: &Path, clock: &Arc<ManualClock>, hold: Hold) -> World {
    let options = Options::folder(folder).clock(clock.clone());
    let world = World::over(settings(), Store::open(options).await.expect("the store opens"), clock.clone(), hold);
    world.sphere.start();
    world
}

async fn end(world: World) {
    world.sphere.close().await;
    let store = world.store.clone();
    drop(world);
    assert!(store.close(Duration::from_secs(30)).await);
}

#[tokio::test]
async fn a_server_goes_on_where_it_ended() {
    for (hold, state) in [(Hold::BeforeBeginning, 0), (Hold::BeforeEnd, 1)] {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = clock();
        let world = begin(folder.path(), &clock, hold).await;
        let first = world.upload(application(WASHER, "Washer")).await;
        let second = world.upload(application(WASHER, "Washer")).await;
        world.sphere.settled().await;
        assert_eq!((world.state(first).await, world.state(second).await), (state, 0));
        let started = world.operation(first).await["StartedDateUTC"].clone();
        end(world).await;

        clock.advance(Duration::from_secs(1));
        let world = begin(folder.path(), &clock, Hold::Nowhere).await;
        world.sphere.settled().await;
        assert_eq!((world.state(first).await, world.state(second).await), (2, 3));
        assert!(started.is_null() || world.operation(first).await["StartedDateUTC"] == started);
        assert_eq!(world.names("public", "links").await.len(), 1);
        world.is_sound().await;
        end(world).await;
    }
}

#[tokio::test]
async fn the_whole_server_goes_on_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = async || {
        let store = Store::open(Options::folder(folder.path())).await.expect("the store opens");
        let (ids, tokens) = (Arc::new(RandomIds), Arc::new(RandomTokens));
        let context = Context::new(settings(), store.clone(), Arc::new(SystemClock), ids.clone(), tokens);
        (App::new(&context.settings, Dialects::new(&context), store.clone(), ids), store)
    };
    let ask = async |app: &App, method: &str, path: &str, body: Vec<u8>| {
        let request = Request::builder().method(method).uri(path).header("host", "localhost");
        let request = request.header("authorization", format!("Bearer {MAKER}")).body(Body::from(body));
        let answer = app.call(request.expect("a request")).await;
        assert_eq!(answer.status(), 200);
        answer.into_body().collect(1 << 20).await.expect("the body is whole")
    };
    let json = |body: Bytes| serde_json::from_slice::<Value>(&body).expect("JSON");
    // Nobody prepared this one: what it takes waits for the next.
    let (app, store) = open().await;
    let images = format!("/v2/tenants/{TENANT}/images");
    let operation = json(ask(&app, "POST", &images, application(WASHER, "Washer")).await);
    let details = operation["DetailsLocation"].as_str().expect("a path").to_owned();
    app.close().await;
    drop(app);
    assert!(store.close(Duration::from_secs(30)).await);
    drop(store);

    let (app, store) = open().await;
    assert_eq!(json(ask(&app, "GET", &details, Vec::new()).await)["State"], 0);
    app.prepare().await.expect("the store can be read");
    app.settled().await;
    let operation = json(ask(&app, "GET", &details, Vec::new()).await);
    assert_eq!(operation["State"], 2);
    let resource = operation["ResourceLocation"].as_str().expect("a path");
    let url = json(ask(&app, "GET", resource, Vec::new()).await);
    let path = url["Uri"].as_str().and_then(|uri| uri.strip_prefix("http://localhost")).expect("a link to this server");
    assert_eq!(ask(&app, "GET", path, Vec::new()).await, application(WASHER, "Washer"));
    app.close().await;
    drop(app);
    assert!(store.close(Duration::from_secs(30)).await);
}

#[tokio::test]
async fn a_worker_that_was_closed_can_be_started_again() {
    let world = World::new().await;
    world.sphere.close().await;
    let id = world.upload(application(WASHER, "Washer")).await;
    world.sphere.settled().await;
    assert_eq!(world.state(id).await, 0);
    world.sphere.start();
    world.sphere.start();
    world.sphere.settled().await;
    assert_eq!(world.state(id).await, 2);
    world.sphere.close().await;
    world.sphere.close().await;
}

#[tokio::test]
async fn an_operation_that_nobody_rang_for_is_found_all_the_same() {
    let world = World::new().await;
    let other = World::over(settings(), world.store.clone(), clock(), Hold::Nowhere);
    world.sphere.settled().await;
    let id = other.upload(application(WASHER, "Washer")).await;
    // Time passes only while the store has nothing to do, or it would miss its deadlines.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::time::resume();
    let carried_out = async { while !world.names(DIALECT, WAITING).await.is_empty() {} };
    tokio::time::timeout(Duration::from_mins(1), carried_out).await.expect("somebody looks after some seconds");
    assert_eq!(world.state(id).await, 2);
}
