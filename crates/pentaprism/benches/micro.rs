//! `cargo xtask bench micro`: the parts that every request passes, each alone: codecs, router, the set of chunks, small bodies in the store.
//!
//! Words after `micro` choose benchmarks by what their names contain; options are those of criterion, which keeps the last run and says
//! what has changed since.

#![allow(missing_docs, reason = "criterion's macros write functions without documentation")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::{Method, Request};
use pentaprism_core::dialects::glance::list_images::ListImages;
use pentaprism_core::dialects::service_fabric::upload_file_chunk::UploadFileChunk;
use pentaprism_core::dialects::{glance, service_fabric};
use pentaprism_core::path::{Captures, PathRules, Segment, SplitPath, Unrouted};
use pentaprism_core::{Operation, RequestView};
use pentaprism_server::dialects::{glance::route as route_glance, service_fabric::route as route_service_fabric};
use pentaprism_store::measured::Chunks;
use pentaprism_store::{Account, ByteRange, Change, Durability, Options, Store, Tree, UploadRequest};

/// Bodies that come at the same time.
const TOGETHER: u32 = 64;
/// Their size in bytes.
const SMALL: usize = 10 * 1024;
/// Chunks of a session.
const CHUNKS: u64 = 1_000;
/// Length of a chunk in bytes.
const CHUNK: u64 = 4 << 20;

fn chunk() -> UploadFileChunk {
    UploadFileChunk {
        content_path: "Application/Code/image disk.vhd".to_owned(),
        session_id: "6f2c1f0a-9d1b-4f5e-8a37-2f6f0e5d9c11".to_owned(),
        content_range: "bytes 4194304-8388607/1073741824".to_owned(),
        ..UploadFileChunk::default()
    }
}

fn list() -> ListImages {
    ListImages {
        name: Some("debian 12".to_owned()),
        limit: Some("100".to_owned()),
        marker: Some("b0a7f1c2-3d4e-4f50-8a61-000000000001".to_owned()),
        ..ListImages::default()
    }
}

fn codec(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    operation(&mut group, "service_fabric/UploadFileChunk", &chunk(), service_fabric::PATH_RULES, route_service_fabric);
    operation(&mut group, "glance/ListImages", &list(), glance::PATH_RULES, route_glance);
    group.finish();
}

/// Writes a request and reads it again, from where the route is known.
fn operation<O: Operation, R>(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    input: &O,
    rules: PathRules,
    route: impl for<'p> Fn(&[Segment<'p>], &Method) -> Result<(R, Captures<'p>), Unrouted>,
) {
    group.bench_function(format!("{name}/encode"), |bencher| {
        bencher.iter(|| black_box(input).to_request().expect("the input is valid"));
    });
    let (head, body) = input.to_request().expect("the input is valid").into_parts();
    let path = SplitPath::new(head.uri.path(), rules);
    let (_, captures) = route(&path.segments(), &head.method).expect("the path has a route");
    let view = RequestView { captures: &captures, head: &head, body: &body };
    group.bench_function(format!("{name}/decode"), |bencher| {
        bencher.iter(|| O::from_request(black_box(&view)).expect("the request is valid"));
    });
}

fn router(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router");
    let target = "/v2/images/b0a7f1c2-3d4e-4f50-8a61-000000000001/file";
    routed(&mut group, "glance", Method::PUT, target, glance::PATH_RULES, route_glance);
    let target = "/ImageStore/Application/Code/image%20disk.vhd/$/UploadChunk";
    routed(&mut group, "service_fabric", Method::PUT, target, service_fabric::PATH_RULES, route_service_fabric);
    group.finish();
}

/// From the path of a request to its operation.
fn routed<R>(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    method: Method,
    target: &str,
    rules: PathRules,
    route: impl for<'p> Fn(&[Segment<'p>], &Method) -> Result<(R, Captures<'p>), Unrouted>,
) {
    let request = Request::builder().method(method).uri(target).body(()).expect("the target is valid");
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let path = SplitPath::new(black_box(&request).uri().path(), rules);
            assert!(route(&path.segments(), request.method()).is_ok(), "the path has a route");
        });
    });
}

fn chunks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chunks of a session");
    group.throughput(Throughput::Elements(CHUNKS));
    let range = |number: u64| ByteRange { first: number * CHUNK, last: (number + 1) * CHUNK - 1 };
    // Each chunk lies alone until its neighbours come: the most ranges that this many chunks can be.
    let scattered = |number: u64| if number < CHUNKS / 2 { 2 * number } else { 2 * (number - CHUNKS / 2) + 1 };
    for (name, place) in [("in order", (|number| number) as fn(u64) -> u64), ("every other one first", scattered)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                Chunks::default,
                |mut chunks| {
                    for number in 0..CHUNKS {
                        assert!(!chunks.take(black_box(range(place(number)))), "no chunk comes twice");
                    }
                    assert!(chunks.missing(CHUNKS * CHUNK).is_empty(), "all chunks came");
                    chunks
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn small_bodies(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be built");
    let mut group = criterion.benchmark_group("64 bodies of 10 KiB at the same time");
    group.throughput(Throughput::Elements(u64::from(TOGETHER)));
    for (name, durability) in [("none", Durability::None), ("sync", Durability::Sync)] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder can be made");
        let options = Options::folder(folder.path()).durability(durability);
        let store = runtime.block_on(Store::open(options)).expect("the folder is empty");
        let mut number = 0;
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    let began = Instant::now();
                    runtime.block_on(upload(&store, number));
                    took += began.elapsed();
                    number += TOGETHER;
                }
                took
            });
        });
        assert!(runtime.block_on(store.close(Duration::from_secs(30))), "the store did not end");
    }
    group.finish();
}

/// Bodies that differ from all before, each to a name of its own.
async fn upload(store: &Store, first: u32) {
    let uploads = (first..first + TOGETHER).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let tree = Tree::new("bench", "tree");
            let mut body = vec![0; SMALL];
            body[..4].copy_from_slice(&number.to_le_bytes());
            let request = UploadRequest::new(Account::new("bench", "tree")).declared(Some(SMALL as u64));
            let mut upload = store.begin(request).await.expect("there is room");
            upload.push(Bytes::from(body)).await.expect("the store works");
            let received = upload.finish().await.expect("the store works");
            let change = Change::new().put_file(&tree, format!("folder/{number}"));
            received.commit(change).await.expect("the store works");
        })
    });
    for upload in uploads.collect::<Vec<_>>() {
        upload.await.expect("no upload panics");
    }
}

criterion_group!(benches, codec, router, chunks, small_bodies);
criterion_main!(benches);
