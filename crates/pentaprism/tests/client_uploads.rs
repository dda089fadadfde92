//! The client's whole jobs against the real server, in this process and over a socket: what is uploaded comes back alike.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::time::Duration;

use pentaprism::in_process::Server;
use pentaprism::listen::Listeners;
use pentaprism::serve::serve;
use pentaprism::settings::{DEFAULT_ENVIRONMENT, DEFAULT_SAVED_VIEW, DEFAULT_TENANT, DEVELOPMENT_TOKEN, Settings};
use pentaprism_client::dialects::azure_sphere::AzureSphereClient;
use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::dialects::pingone::PingoneClient;
use pentaprism_client::dialects::saved_views::SavedViewsClient;
use pentaprism_client::upload::azure_sphere::PackageUploadError;
use pentaprism_client::upload::glance::{
    DownloadStart, FindImageError, ImageDownloadError, ImageUploadError, ImageUploadOptions, Verified, Verify,
};
use pentaprism_client::upload::pingone::{PictureFormat, PictureUploadError, PictureUploadOptions};
use pentaprism_client::upload::saved_views::{PictureSize, PutPictureOptions};
use pentaprism_client::upload::{Algorithm, Polling, check_png};
use pentaprism_client::{BaseUrl, Counters, Credential, Error, HyperTransport, Source, Transport};
use pentaprism_core::Body;
use pentaprism_core::dialects::azure_sphere::models::ErrorResponseCode;
use pentaprism_core::dialects::glance::models::{ContainerFormat, DiskFormat, ImageCreate, ImageStatus};
use pentaprism_core::dialects::glance::show_image::ShowImage;
use tokio::net::TcpListener;
use uuid::Uuid;

/// How a client reaches the server: the transport, and the address.
struct Way<T> {
    transport: T,
    base: BaseUrl,
}

impl<T: Transport + Clone> Way<T> {
    fn glance(&self) -> GlanceClient<T> {
        let credential = Credential::auth_token(DEVELOPMENT_TOKEN).unwrap();
        GlanceClient::new(self.transport.clone(), self.base.clone(), credential)
    }

    fn sphere(&self) -> AzureSphereClient<T> {
        AzureSphereClient::new(self.transport.clone(), self.base.clone(), bearer())
    }

    fn views(&self) -> SavedViewsClient<T> {
        SavedViewsClient::new(self.transport.clone(), self.base.clone(), bearer())
    }

    fn pingone(&self) -> PingoneClient<T> {
        PingoneClient::new(self.transport.clone(), self.base.clone(), bearer())
    }
}

fn bearer() -> Credential {
    Credential::bearer(DEVELOPMENT_TOKEN).unwrap()
}

/// Runs a test in this process, and over a socket.
macro_rules! both_ways {
    ($($name:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test]
            async fn $name() {
                let server = super::Server::start().await.unwrap();
                super::$name(&super::Way { transport: server.transport(), base: super::Server::base() }).await;
                server.close().await;
            })*
        }
        mod over_a_socket {
            $(#[tokio::test]
            async fn $name() {
                super::over_a_socket(async |way| super::$name(&way).await).await;
            })*
        }
    };
}

both_ways!(images, streams, resumed_images, refused_images, named_images, packages, views_pictures, pingone_pictures);

async fn over_a_socket(test: impl AsyncFnOnce(Way<HyperTransport>)) {
    let server = Server::start().await.unwrap();
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", port.local_addr().unwrap()).parse().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (app, limits) = (server.app().clone(), Settings::default().connections.limits());
    let serving = tokio::spawn(serve(Listeners::new(vec![port], None), app, limits, async move {
        drop(stopped.await);
    }));
    test(Way { transport: HyperTransport::new().unwrap(), base }).await;
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_mins(1), serving).await.unwrap().unwrap();
    server.close().await;
}

fn disk(name: &str) -> ImageCreate {
    ImageCreate {
        name: Some(name.to_owned()),
        disk_format: Some(DiskFormat::Raw),
        container_format: Some(ContainerFormat::Bare),
        ..ImageCreate::default()
    }
}

/// Bytes that look random and are the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

async fn images<T: Transport + Clone>(way: &Way<T>) {
    let (glance, folder) = (way.glance(), tempfile::tempdir().unwrap());
    let (path, bytes) = (folder.path().join("disk"), noise(1, 3_000_001));
    std::fs::write(&path, &bytes).unwrap();
    for verify in [Verify::Auto, Verify::Digest(Algorithm::Sha512), Verify::None] {
        let counters = Arc::new(Counters::default());
        let source = Source::file(&path).await.unwrap().with_progress(counters.clone());
        let options = ImageUploadOptions { verify, ..ImageUploadOptions::default() };
        let uploaded = glance.upload_image(&disk("disk"), source, &options).await.unwrap();
        assert_eq!((uploaded.image.status, uploaded.image.size), (ImageStatus::Active, Some(3_000_001)));
        assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (3_000_001, 3_000_001));
        match (verify, uploaded.verified) {
            (Verify::Auto, Verified::Digest(digest)) => assert_eq!(digest.algorithm, Algorithm::Md5),
            (Verify::Digest(wanted), Verified::Digest(digest)) => assert_eq!(digest.algorithm, wanted),
            (Verify::None, verified) => assert_eq!(verified, Verified::Not),
            (verify, verified) => panic!("{verify:?} ended with {verified:?}"),
        }
        let download = glance.download_image(uploaded.image.id, DownloadStart::Beginning, verify).await.unwrap();
        assert_eq!(download.expected.is_some(), verify != Verify::None);
        assert!(download.body.collect(10_000_000).await.unwrap() == bytes);
    }
}

async fn streams<T: Transport + Clone>(way: &Way<T>) {
    let bytes = noise(2, 400_000);
    for length in [None, Some(400_000)] {
        let stream = Source::once(Body::stream(Body::from(bytes.clone())), length);
        let uploaded =
            way.glance().upload_image(&disk("stream"), stream, &ImageUploadOptions::default()).await.unwrap();
        assert_eq!(uploaded.image.size, Some(400_000));
        assert!(matches!(uploaded.verified, Verified::Digest(_)));
    }
}

async fn resumed_images<T: Transport + Clone>(way: &Way<T>) {
    let (glance, bytes) = (way.glance(), noise(3, 100_000));
    let uploaded = glance.upload_image(&disk("disk"), bytes.clone(), &ImageUploadOptions::default()).await.unwrap();
    let id = uploaded.image.id;
    for begun in [1, 99_999, 100_000] {
        let start = DownloadStart::After(Source::bytes(bytes[..begun].to_vec()));
        let download = glance.download_image(id, start, Verify::Auto).await.unwrap();
        assert_eq!((download.from, download.length), (begun as u64, Some(100_000 - begun as u64)));
        assert!(download.body.collect(1 << 20).await.unwrap() == bytes[begun..]);
    }
    let start = DownloadStart::After(Source::bytes(vec![0; 1000]));
    let other = glance.download_image(id, start, Verify::Auto).await.unwrap();
    assert!(other.body.collect(1 << 20).await.is_err(), "what was there is of another image");
    let start = DownloadStart::Offset(100_001);
    let beyond = glance.download_image(id, start, Verify::Auto).await;
    assert!(matches!(beyond, Err(ImageDownloadError::Beyond { size: 100_000, .. })));
}

async fn refused_images<T: Transport + Clone>(way: &Way<T>) {
    let glance = way.glance();
    // Without formats an image takes no bytes; what was created for them goes again.
    let chosen = Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef);
    let image = ImageCreate { id: Some(chosen), ..ImageCreate::default() };
    let refused = glance.upload_image(&image, "bytes", &ImageUploadOptions::default()).await;
    assert!(matches!(refused, Err(ImageUploadError::Upload { source: Error::Refused(_), .. })), "{refused:?}");
    assert!(glance.show_image(&ShowImage { image_id: chosen.to_string() }).await.is_err());
    let uploaded = glance.upload_image(&disk("disk"), "bytes", &ImageUploadOptions::default()).await.unwrap();
    // What is active takes no others, and keeps those it has.
    let id = uploaded.image.id;
    let refused = glance.fill_image(id, "others", &ImageUploadOptions::default()).await;
    assert!(matches!(refused, Err(ImageUploadError::Upload { .. })));
    let download = glance.download_image(id, DownloadStart::Beginning, Verify::Auto).await.unwrap();
    assert_eq!(download.body.collect(10).await.unwrap(), "bytes");
    // A stream that ends too early is no image.
    let short = Source::once(Body::stream(Body::from("by")), Some(5)).with_progress(Arc::new(Counters::default()));
    assert!(glance.upload_image(&disk("short"), short, &ImageUploadOptions::default()).await.is_err());
}

async fn named_images<T: Transport + Clone>(way: &Way<T>) {
    let glance = way.glance();
    for name in ["debian:12", "a \"b\", c", "disk"] {
        let uploaded = glance.upload_image(&disk(name), "bytes", &ImageUploadOptions::default()).await.unwrap();
        assert_eq!(glance.find_image(name).await.unwrap().id, uploaded.image.id, "{name}");
        assert_eq!(glance.find_image(&uploaded.image.id.to_string()).await.unwrap().id, uploaded.image.id);
    }
    glance.upload_image(&disk("disk"), "bytes", &ImageUploadOptions::default()).await.unwrap();
    assert!(matches!(glance.find_image("disk").await, Err(FindImageError::Several { ids, .. }) if ids.len() == 2));
    for absent in ["dis", "in:disk", "1d9d5f62-11d8-4a30-9be5-0a6ae3f2a011"] {
        assert!(matches!(glance.find_image(absent).await, Err(FindImageError::None(_))), "{absent}");
    }
}

/// A package as devices take it, with nothing but an identity.
fn package(image: Uuid, payload: usize) -> Vec<u8> {
    let identity = [&[10, 0, 0, 0][..], &[7; 16], &image.to_bytes_le()].concat();
    let sections = [&b"ID"[..], &36_u16.to_le_bytes(), &identity].concat();
    let metadata = [b"4X4M", &1_u32.to_le_bytes()[..], &sections, &52_u32.to_le_bytes(), &[0; 64]].concat();
    [noise(4, payload.next_multiple_of(4)), metadata].concat()
}

async fn packages<T: Transport + Clone>(way: &Way<T>) {
    let sphere = way.sphere();
    let tenant = sphere.only_tenant().await.unwrap().id.to_string();
    assert_eq!(tenant, DEFAULT_TENANT.to_string());
    let id = Uuid::from_u128(0x9854_53bb_eb5c_4ff2_8e06_aef4_786a_c445);
    let bytes = package(id, 300_000);
    let uploaded = sphere.upload_package(&tenant, bytes.clone(), &Polling::default()).await.unwrap();
    assert_eq!(uploaded.image_id, Some(id));
    let again = sphere.upload_package(&tenant, bytes.clone(), &Polling::default()).await.unwrap_err();
    assert_eq!(again.code(), Some(ErrorResponseCode::Conflict));
    let text = again.to_string();
    assert!(text.contains(&format!("An image with the same ID ('{id}') already exists.")), "{text}");
    for from in [0, 123_456] {
        let download = sphere.download_package(&tenant, &id.to_string(), from).await.unwrap();
        assert_eq!((download.from, download.length), (from, Some(bytes.len() as u64 - from)));
        assert!(download.body.collect(1 << 20).await.unwrap() == bytes[usize::try_from(from).unwrap()..]);
    }
    let refused = sphere.upload_package(&tenant, "no package", &Polling::default()).await;
    assert!(matches!(refused, Err(PackageUploadError::Upload { source: Error::Refused(_), .. })));
}

/// A picture of noise.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&noise(5, (width * height) as usize)).unwrap();
    writer.finish().unwrap();
    file
}

async fn views_pictures<T: Transport + Clone>(way: &Way<T>) {
    let (views, file) = (way.views(), png(600, 500));
    assert!(views.get_picture(DEFAULT_SAVED_VIEW, PictureSize::Full).await.is_err(), "there is none yet");
    let options = PutPictureOptions::default();
    let put = views.put_picture(DEFAULT_SAVED_VIEW, file.clone(), &options).await.unwrap();
    assert_eq!((put.header.width, put.header.height, put.bytes), (600, 500, file.len() as u64));
    let full = views.get_picture(DEFAULT_SAVED_VIEW, PictureSize::Full).await.unwrap();
    assert_eq!(full.media_type.as_deref(), Some("image/png"));
    assert!(full.body.collect(1 << 20).await.unwrap() == file);
    let small = views.get_picture(DEFAULT_SAVED_VIEW, PictureSize::Thumbnail).await.unwrap();
    let small = check_png(&small.body.collect(1 << 20).await.unwrap()).unwrap();
    assert!(small.width < 600, "{small:?}");
    assert!(views.put_picture("no-view", file, &options).await.is_err());
}

async fn pingone_pictures<T: Transport + Clone>(way: &Way<T>) {
    let (pingone, environment, file) = (way.pingone(), DEFAULT_ENVIRONMENT.to_string(), png(20, 10));
    let options = PictureUploadOptions::default();
    for (name, end) in [("logo.png", "/logo.png"), ("a \"b\".png", ".png"), ("größe.png", ".png")] {
        let uploaded = pingone.upload_picture(&environment, name, file.clone(), &options).await.unwrap();
        let target = &uploaded.image.targets.original;
        assert_eq!((target.width, target.height, uploaded.format), (20, 10, PictureFormat::Png));
        assert!(target.href.ends_with(end), "{}", target.href);
        let (image, download) = pingone.download_picture(&environment, &uploaded.image.id.to_string()).await.unwrap();
        assert_eq!((image, download.media_type.as_deref()), (uploaded.image, Some("image/png")));
        assert!(download.body.collect(1 << 20).await.unwrap() == file);
    }
    let mut options = options;
    options.limit = None;
    let large = [&file[..8], &vec![0; 3 << 20]].concat();
    let refused = pingone.upload_picture(&environment, "large.png", large, &options).await;
    assert!(matches!(refused, Err(PictureUploadError::Create { source: Error::Refused(_), .. })), "{refused:?}");
}
