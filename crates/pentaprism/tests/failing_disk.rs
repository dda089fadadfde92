//! The server over real sockets, by HTTP/1.1 and by HTTP/2, on a disk that is full, read-only, broken or damaged: each request gets the
//! status that its document has for it, nothing is left of it, and damaged bytes are never handed out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::Request;
use pentaprism::app::App;
use pentaprism::context::Context;
use pentaprism::dialects::Dialects;
use pentaprism::listen::Listeners;
use pentaprism::serve::serve;
use pentaprism::settings::{
    DEFAULT_ENVIRONMENT, DEFAULT_SAVED_VIEW, DEFAULT_TENANT, DEVELOPMENT_TOKEN, Durability, Settings,
};
use pentaprism::tokens::RandomTokens;
use pentaprism_client::{HyperTransport, Transport as _};
use pentaprism_core::Body;
use pentaprism_store::{Faults, RandomIds, Store, SystemClock};
use tokio::net::TcpListener;

const IMAGE: &str = "/v2/images/00000000-0000-4000-8000-00000000000";
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=";
const MIB: usize = 1 << 20;

/// A server on a folder of its own, and a client of one version of HTTP.
struct World {
    folder: tempfile::TempDir,
    store: Store,
    faults: Faults,
    transport: HyperTransport,
    address: String,
}

struct Answered {
    /// 0 when the connection ended before there was one.
    status: u16,
    headers: http::HeaderMap,
    /// What came of the body, and whether it came to its end.
    body: Vec<u8>,
    whole: bool,
}

impl World {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answered {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.address));
        request = request.header("authorization", format!("Bearer {DEVELOPMENT_TOKEN}"));
        request = request.header("x-auth-token", DEVELOPMENT_TOKEN);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let Ok(response) = self.transport.call(request.body(body.into()).unwrap()).await else {
            return Answered { status: 0, headers: http::HeaderMap::new(), body: Vec::new(), whole: false };
        };
        let (head, mut body) = response.into_parts();
        let status = head.status.as_u16();
        let mut answered = Answered { status, headers: head.headers, body: Vec::new(), whole: true };
        while let Some(piece) = body.data().await {
            let Ok(piece) = piece else {
                answered.whole = false;
                break;
            };
            answered.body.extend_from_slice(&piece);
        }
        answered
    }

    async fn get(&self, path: &str) -> Answered {
        self.send("GET", path, &[], Body::empty()).await
    }

    /// Creates the image of a number.
    async fn image(&self, number: u32) {
        let id = format!("00000000-0000-4000-8000-00000000000{number}");
        let record = format!(r#"{{"id":"{id}","disk_format":"raw","container_format":"bare"}}"#);
        let headers = [("content-type", "application/json")];
        assert_eq!(self.send("POST", "/v2/images", &headers, record.into_bytes()).await.status, 201);
    }

    async fn put_image(&self, number: u32, bytes: &Bytes) -> Answered {
        let headers = [("content-type", "application/octet-stream")];
        self.send("PUT", &format!("{IMAGE}{number}/file"), &headers, bytes.clone()).await
    }

    async fn put_file(&self, path: &str, bytes: &Bytes) -> Answered {
        self.send("PUT", &format!("/ImageStore/{path}?api-version=6.0"), &[], bytes.clone()).await
    }

    async fn put_picture(&self) -> Answered {
        let picture = base64::engine::general_purpose::STANDARD.decode(PNG).unwrap();
        let path = format!("/v1/environments/{DEFAULT_ENVIRONMENT}/images");
        self.send("POST", &path, &[("content-type", "image/png")], picture).await
    }

    async fn put_view(&self) -> Answered {
        let update = format!(r#"{{"image":"data:image/png;base64,{PNG}"}}"#);
        let headers = [("content-type", "application/json")];
        self.send("PUT", &format!("/savedviews/{DEFAULT_SAVED_VIEW}/image"), &headers, update.into_bytes()).await
    }

    async fn put_package(&self, number: u8) -> Answered {
        let headers = [("content-type", "application/octet-stream")];
        self.send("POST", &format!("/v2/tenants/{DEFAULT_TENANT}/images"), &headers, package(number)).await
    }

    /// A request that writes, for each dialect and size, with the statuses of a full, a read-only and a broken disk, and of success.
    async fn write(&self, round: u32) -> Vec<(&'static str, u16, [u16; 4])> {
        let (small, large) = (pattern(round.to_le_bytes()[0], 1_000), pattern(round.to_le_bytes()[0], 2 * MIB));
        vec![
            ("a small image", self.put_image(1, &small).await.status, [413, 503, 500, 204]),
            ("a large image", self.put_image(2, &large).await.status, [413, 503, 500, 204]),
            ("a small file", self.put_file("a", &small).await.status, [413, 500, 500, 200]),
            ("a large file", self.put_file("b", &large).await.status, [413, 500, 500, 200]),
            ("a package", self.put_package(1).await.status, [500, 500, 500, 200]),
            ("a view's picture", self.put_view().await.status, [413, 500, 500, 204]),
            ("a picture", self.put_picture().await.status, [500, 500, 500, 201]),
        ]
    }

    /// What lies on the disk once everything is freed that can be: bytes of contents, and files.
    async fn at_rest(&self) -> (u64, u64, usize) {
        let settled = async {
            loop {
                let numbers = self.store.statistics().await.unwrap();
                if numbers.doomed == 0 && numbers.uploads == 0 {
                    return numbers;
                }
                self.store.sweep().await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let numbers = tokio::time::timeout(Duration::from_mins(1), settled).await.unwrap();
        let files = std::fs::read_dir(self.folder.path().join("files")).unwrap().count();
        (numbers.names, numbers.bytes, files)
    }

    /// Flips a bit somewhere behind `position` of a file that holds `bytes`.
    fn damage(&self, bytes: &Bytes, position: usize) {
        let needle = &bytes[position..position + 64];
        for folder in ["files", "packs"] {
            for file in files(&self.folder.path().join(folder)) {
                let content = std::fs::read(&file).unwrap();
                if let Some(at) = content.windows(needle.len()).position(|window| window == needle) {
                    let file = std::fs::File::options().write(true).open(file).unwrap();
                    file.write_all_at(&[needle[0] ^ 1], at as u64).unwrap();
                    return;
                }
            }
        }
        panic!("the bytes are in no file");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Bytes of which no 64 come twice.
fn pattern(seed: u8, size: usize) -> Bytes {
    let mut state = 0x9e37_79b9_u32.wrapping_add(u32::from(seed));
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..size).map(next).collect::<Vec<_>>().into()
}

/// An image package with an identity of its own.
fn package(number: u8) -> Vec<u8> {
    let section = |name: &[u8], data: &[u8]| [name, &u16::try_from(data.len()).unwrap().to_le_bytes(), data].concat();
    let identity = [&[10, 0, 0, 0][..], &[1; 16], &[number; 16]].concat();
    let label = [&1_800_000_000_u64.to_le_bytes()[..], &[b'x'; 32]].concat();
    let metadata = [&b"4X4M"[..], &2_u32.to_le_bytes(), &section(b"ID", &identity), &section(b"DB", &label)].concat();
    let length = u32::try_from(metadata.len() + 4).unwrap();
    [&b"the application!"[..], &metadata, &length.to_le_bytes(), &[0; 64]].concat()
}

/// Runs a test once for each version of HTTP.
async fn over_both(test: impl AsyncFn(World)) {
    for builder in [HyperTransport::builder(), HyperTransport::builder().http2_with_prior_knowledge()] {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings { durability: Durability::None, ..Settings::default() };
        settings.data = folder.path().to_owned();
        settings.store.disk_reserve_bytes = 0;
        let (store, faults) = Store::open_faulty(settings.store_options()).await.unwrap();
        let clock = Arc::new(SystemClock);
        let context = Context::new(settings, store.clone(), clock, Arc::new(RandomIds), Arc::new(RandomTokens));
        let dialects = Dialects::of(|dialect| Dialects::usual(dialect, &context));
        let app = App::new(&context.settings, dialects, store.clone(), Arc::new(RandomIds));
        app.prepare().await.unwrap();
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", port.local_addr().unwrap());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving =
            serve(Listeners::new(vec![port], None), app.clone(), context.settings.connections.limits(), async {
                drop(stopped.await);
            });
        let world = World { folder, store: store.clone(), faults, transport: builder.build().unwrap(), address };
        let testing = async {
            test(world).await;
            stop.send(()).unwrap();
        };
        tokio::join!(serving, testing);
        app.close().await;
        assert!(store.close(Duration::from_mins(1)).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_dialect_says_what_its_document_has_for_it_and_goes_on() {
    over_both(async |world| {
        world.image(1).await;
        world.image(2).await;
        assert_eq!(world.put_view().await.status, 204);
        let before = world.at_rest().await;
        let switches: [fn(&Faults, bool); 3] = [Faults::disk_full, Faults::read_only, Faults::io_error];
        for (index, switch) in switches.into_iter().enumerate() {
            switch(&world.faults, true);
            for (what, status, expected) in world.write(u32::try_from(index).unwrap()).await {
                assert_eq!(status, expected[index], "{what} on disk {index}");
            }
            switch(&world.faults, false);
            assert_eq!(world.at_rest().await, before, "nothing is left on disk {index}");
        }
        for (what, status, expected) in world.write(7).await {
            assert_eq!(status, expected[3], "{what} afterwards");
        }
        assert_eq!(world.get(&format!("{IMAGE}2/file")).await.body, pattern(7, 2 * MIB));
        assert_eq!(world.get("/ImageStore/b/$/Download?api-version=6.0").await.body, pattern(7, 2 * MIB));
        assert_eq!(world.store.fsck().await.unwrap().problems, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_refused_and_read_again_later() {
    over_both(async |world| {
        world.image(1).await;
        let bytes = pattern(1, 2 * MIB);
        assert_eq!(world.put_image(1, &bytes).await.status, 204);
        assert_eq!(world.put_file("b", &bytes).await.status, 200);
        for path in [format!("{IMAGE}1/file"), "/ImageStore/b/$/Download?api-version=6.0".to_owned()] {
            world.faults.fail_reads(true);
            let refused = world.get(&path).await;
            assert_eq!((refused.status, refused.whole), (500, true), "{path}");
            world.faults.fail_reads(false);
            assert_eq!(world.get(&path).await.body, bytes, "{path}");
        }
        let head =
            world.send("HEAD", "/ImageStore/b/$/Download?api-version=6.0", &[("range", "bytes=0-4")], Body::empty());
        let head = head.await;
        assert_eq!((head.status, &head.headers["content-length"], head.body.len()), (200, &bytes.len().into(), 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_bytes_break_the_answer_off_and_the_same_bytes_heal_them() {
    over_both(async |world| {
        let (small, large) = (pattern(1, 1_000), pattern(2, 3 * MIB));
        for (number, path, bytes) in [(1, "a", &small), (2, "b", &large)] {
            world.image(number).await;
            assert_eq!(world.put_image(number, bytes).await.status, 204);
            assert_eq!(world.put_file(path, bytes).await.status, 200);
        }
        // Of equal bytes that were stored twice for a moment, one goes.
        world.at_rest().await;
        world.damage(&small, 500);
        world.damage(&large, 2 * MIB - 100);
        let (image, file) =
            (|number| format!("{IMAGE}{number}/file"), |path| format!("/ImageStore/{path}/$/Download?api-version=6.0"));
        for path in [image(1), file("a")] {
            let refused = world.get(&path).await;
            assert_eq!((refused.status, refused.whole), (500, true), "a small one is read before its head is sent");
        }
        for path in [image(2), file("b")] {
            let broken = world.get(&path).await;
            // The connection may end before the head was written.
            assert!(matches!(broken.status, 0 | 200) && !broken.whole, "{path}: {}", broken.status);
            let length = broken.headers.get("content-length");
            assert!(length.is_none_or(|length| *length == (3 * MIB).to_string()), "{path}: {length:?}");
            assert!(
                broken.body.len() <= MIB && broken.body == large[..broken.body.len()],
                "what came is what was uploaded"
            );
            let whole = world.send("GET", &path, &[("range", "bytes=0-1048575")], Body::empty()).await;
            assert!(whole.status == 206 && whole.whole && whole.body == large[..MIB], "{path}: what is whole is read");
            let broken = world.send("GET", &path, &[("range", "bytes=1048576-")], Body::empty()).await;
            // Its first block is damaged: the connection may end before the head was written.
            assert!(matches!(broken.status, 0 | 206) && !broken.whole && broken.body.is_empty(), "{path}");
        }
        let marked = async {
            while world.store.statistics().await.unwrap().damaged < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), marked).await.unwrap();
        assert_eq!(world.put_file("c", &small).await.status, 200);
        assert_eq!(world.put_file("d", &large).await.status, 200);
        for (path, bytes) in [(image(1), &small), (file("a"), &small), (image(2), &large), (file("b"), &large)] {
            let healed = world.get(&path).await;
            assert!(healed.whole && healed.body == bytes[..], "{path}");
        }
        assert_eq!(world.store.fsck().await.unwrap().problems, []);
    })
    .await;
}
