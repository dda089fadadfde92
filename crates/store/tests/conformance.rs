//! The conformance suite on every pair of engines that exists.
#![cfg(feature = "conformance")]
#![expect(clippy::unwrap_used, reason = "openers are part of a test, but no test functions")]

use futures_util::future::BoxFuture;
use pentaprism_store::{Durability, Options, Store, conformance};

fn embedded(options: Options) -> BoxFuture<'static, Store> {
    Box::pin(async { Store::open(options).await.unwrap() })
}

fn faulty(options: Options) -> BoxFuture<'static, Store> {
    Box::pin(async { Store::open_faulty(options).await.unwrap().0 })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_pair_conforms() {
    conformance::run(embedded, Durability::Sync).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_pair_conforms_without_syncs() {
    conformance::run(embedded, Durability::None).await;
}

#[tokio::test]
async fn the_fault_injecting_pair_conforms_while_its_switches_are_off() {
    conformance::run(faulty, Durability::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_machine_is_survived() {
    conformance::run_faults(Durability::Sync).await;
}
