//! Glance uploads and downloads against a service by script: what is asked, in which order, and how each ends.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::credential::Credential;
use crate::progress::Counters;
use crate::retry::Retry;
use crate::source::SourceError;
use crate::upload::testing::{Leaping, Script, Step, bytes, json as answer, leaping};

const ID: &str = "cf433676-4896-400d-8ec1-05118365d9d2";
/// MD5 and SHA-512 of `abc`.
const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
const SHA512: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
    2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

/// The record of `abc`, as it would be in this status.
fn record(status: &str) -> Value {
    let data = status == "active";
    let told = |value: Value| if data { value } else { Value::Null };
    json!({"name": "disk", "disk_format": "raw", "container_format": "bare", "visibility": "shared", "size": told(json!(3)),
        "virtual_size": null, "status": status, "checksum": told(json!(MD5)), "protected": false, "min_ram": 0, "min_disk": 0,
        "owner": "project", "os_hidden": false, "os_hash_algo": told(json!("sha512")), "os_hash_value": told(json!(SHA512)),
        "id": ID, "created_at": "2026-11-21T00:42:39Z", "updated_at": "2026-11-21T00:42:39Z", "tags": [],
        "self": format!("/v2/images/{ID}"), "file": format!("/v2/images/{ID}/file"), "schema": "/v2/schemas/image"})
}

fn changed(member: &str, value: Value) -> Value {
    let mut record = record("active");
    record[member] = value;
    record
}

fn created() -> Step {
    answer(201, &record("queued"))
}

fn taken() -> Step {
    bytes(204, &[], "")
}

fn shown(status: &str) -> Step {
    answer(200, &record(status))
}

fn refused(status: u16) -> Step {
    bytes(status, &[("content-type", "text/plain; charset=UTF-8")], "no")
}

fn client(steps: impl IntoIterator<Item = Step>) -> (GlanceClient<Script>, Script, Arc<Leaping>) {
    let (script, (retry, clock)) = (Script::new(steps), leaping());
    let base = "http://service.example".parse().unwrap();
    let client = GlanceClient::new(script.clone(), base, Credential::auth_token("secret").unwrap()).with_retry(retry);
    (client, script, clock)
}

type Outcome = Result<UploadedImage, ImageUploadError>;

/// Uploads `abc` and tells the methods that were called.
async fn upload(steps: impl IntoIterator<Item = Step>, options: &ImageUploadOptions) -> (Outcome, String) {
    let (client, script, _) = client(steps);
    let outcome = client.upload_image(&ImageCreate::default(), "abc", options).await;
    (outcome, methods_of(&script))
}

fn methods_of(script: &Script) -> String {
    script.lines().iter().map(|line| line.split(' ').next().unwrap()).collect::<Vec<_>>().join(" ")
}

fn id() -> Uuid {
    ID.parse().unwrap()
}

#[tokio::test]
async fn an_image_is_created_filled_read_back_and_compared() {
    let (client, script, _) = client([created(), taken(), shown("saving"), shown("active")]);
    let image = ImageCreate { name: Some("disk".to_owned()), ..ImageCreate::default() };
    let counters = Arc::new(Counters::default());
    let source = Source::from("abc").with_progress(counters.clone());
    let options = ImageUploadOptions { store: Some("fast".to_owned()), ..ImageUploadOptions::default() };
    let uploaded = client.upload_image(&image, source, &options).await.unwrap();
    assert_eq!((uploaded.image.id, uploaded.attempts), (id(), 1));
    assert_eq!(uploaded.verified, Verified::Digest(Digest::told(Algorithm::Md5, MD5)));
    assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (3, 3));
    let show = format!("GET /v2/images/{ID}");
    assert_eq!(script.lines(), ["POST /v2/images", &format!("PUT /v2/images/{ID}/file"), &show, &show]);
    let seen = script.seen();
    assert_eq!(seen[0].body, r#"{"name":"disk"}"#);
    assert_eq!(seen[1].body, "abc");
    assert_eq!(seen[1].headers["x-openstack-image-size"], "3");
    assert_eq!(seen[1].headers["x-image-meta-store"], "fast");
}

#[tokio::test]
async fn what_the_service_shows_is_compared_as_far_as_wanted() {
    let told = |algorithm, hex| Verified::Digest(Digest::told(algorithm, hex));
    for (verify, record, verified) in [
        (Verify::None, changed("checksum", json!("0")), Verified::Not),
        (Verify::Length, changed("checksum", json!("0")), Verified::Length(3)),
        (Verify::Length, changed("size", Value::Null), Verified::Not),
        (Verify::Digest(Algorithm::Sha512), record("active"), told(Algorithm::Sha512, SHA512)),
        (Verify::Digest(Algorithm::Md5), changed("os_hash_algo", Value::Null), told(Algorithm::Md5, MD5)),
        // Where there is no MD5, what is there counts; and where nothing is, the length.
        (Verify::Auto, changed("checksum", Value::Null), told(Algorithm::Sha512, SHA512)),
    ] {
        let options = ImageUploadOptions { verify, ..ImageUploadOptions::default() };
        let (outcome, _) = upload([created(), taken(), answer(200, &record)], &options).await;
        assert_eq!(outcome.unwrap().verified, verified, "{verify:?}");
    }
    let mut bare = changed("checksum", Value::Null);
    bare["os_hash_algo"] = json!("blake2b");
    let (outcome, _) = upload([created(), taken(), answer(200, &bare)], &ImageUploadOptions::default()).await;
    assert_eq!(outcome.unwrap().verified, Verified::Length(3));
    let options = ImageUploadOptions { verify: Verify::Digest(Algorithm::Md5), ..ImageUploadOptions::default() };
    let (outcome, methods) = upload([created(), taken(), answer(200, &bare)], &options).await;
    assert!(matches!(outcome, Err(ImageUploadError::Unverifiable { algorithm: Algorithm::Md5, .. })));
    assert_eq!(methods, "POST PUT GET", "the image is active, and so it stays");
}

#[tokio::test]
async fn an_image_with_other_bytes_is_deleted() {
    let short = "there are 2 bytes in place of 3".to_owned();
    for (verify, record, difference) in [
        (Verify::Auto, changed("checksum", json!("0")), format!("their digest is md5 0 in place of md5 {MD5}")),
        (Verify::Auto, changed("size", json!(2)), short.clone()),
        (Verify::Length, changed("size", json!(2)), short),
    ] {
        let steps = [created(), taken(), answer(200, &record), bytes(204, &[], "")];
        let options = ImageUploadOptions { verify, ..ImageUploadOptions::default() };
        let (outcome, methods) = upload(steps, &options).await;
        let Err(ImageUploadError::Differs { difference: found, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((found.to_string(), methods.as_str()), (difference, "POST PUT GET DELETE"));
    }
    let kept = ImageUploadOptions { delete_on_failure: false, ..ImageUploadOptions::default() };
    let (outcome, methods) = upload([created(), taken(), answer(200, &changed("size", json!(2)))], &kept).await;
    assert_eq!((outcome.unwrap_err().image_id(), methods.as_str()), (Some(id()), "POST PUT GET"));
}

#[tokio::test]
async fn what_cannot_be_deleted_is_told() {
    let steps = [created(), refused(413), refused(403)];
    let (outcome, _) = upload(steps, &ImageUploadOptions::default()).await;
    let error = outcome.unwrap_err();
    let ImageUploadError::LeftBehind { failed, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**failed, ImageUploadError::Upload { .. }));
    assert_eq!(
        error.to_string(),
        format!("image {ID} is left behind, since it cannot be deleted: the service refused the request")
    );
    // Gone is as good as deleted.
    let (outcome, _) = upload([created(), refused(410), refused(404)], &ImageUploadOptions::default()).await;
    assert!(matches!(outcome, Err(ImageUploadError::Upload { .. })));
}

#[tokio::test]
async fn bytes_whose_answer_was_lost_are_not_sent_again() {
    let steps = [created(), Step::Break, shown("saving"), shown("saving"), shown("active"), shown("active")];
    let (outcome, methods) = upload(steps, &ImageUploadOptions::default()).await;
    let uploaded = outcome.unwrap();
    assert_eq!((uploaded.attempts, methods.as_str()), (1, "POST PUT GET GET GET GET"));
    assert_eq!(uploaded.verified, Verified::Digest(Digest::told(Algorithm::Md5, MD5)));
}

#[tokio::test]
async fn bytes_that_did_not_arrive_are_sent_again() {
    for broken in [|| Step::Break, || bytes(502, &[], "<html>"), || bytes(504, &[], "")] {
        let steps = [created(), broken(), shown("queued"), broken(), shown("queued"), taken(), shown("active")];
        let (outcome, methods) = upload(steps, &ImageUploadOptions::default()).await;
        assert_eq!((outcome.unwrap().attempts, methods.as_str()), (3, "POST PUT GET PUT GET PUT GET"));
    }
    // The second finds that the first is still being stored, or was.
    let steps =
        [created(), Step::Break, shown("queued"), refused(409), shown("saving"), shown("active"), shown("active")];
    assert_eq!(upload(steps, &ImageUploadOptions::default()).await.0.unwrap().attempts, 2);
}

#[tokio::test]
async fn a_success_in_other_words_is_looked_after() {
    // A proxy has made its own page of the answer, and the answer to the creation is cut off.
    let steps = [created(), bytes(200, &[], "<html>"), shown("active"), shown("active")];
    let (outcome, methods) = upload(steps, &ImageUploadOptions::default()).await;
    assert_eq!((outcome.is_ok(), methods.as_str()), (true, "POST PUT GET GET"));
    let half = || bytes(201, &[("content-type", "application/json")], "{\"id\":");
    let image = ImageCreate { id: Some(id()), ..ImageCreate::default() };
    let (client, script, _) = client([half(), shown("queued"), taken(), shown("active")]);
    assert!(client.upload_image(&image, "abc", &ImageUploadOptions::default()).await.is_ok());
    assert_eq!(methods_of(&script), "POST GET PUT GET");
    let (outcome, _) = upload([half()], &ImageUploadOptions::default()).await;
    assert!(matches!(outcome, Err(ImageUploadError::Create(Error::Undocumented { .. }))));
    let (outcome, _) = upload([created(), refused(413), bytes(200, &[], "")], &ImageUploadOptions::default()).await;
    assert!(matches!(outcome, Err(ImageUploadError::Upload { .. })), "the image was deleted, however that was said");
}

#[tokio::test]
async fn attempts_end() {
    let broken = || [Step::Break, shown("queued")];
    let steps = [created()].into_iter().chain((0..5).flat_map(|_| broken())).chain([bytes(204, &[], "")]);
    let (outcome, methods) = upload(steps, &ImageUploadOptions::default()).await;
    assert!(matches!(outcome, Err(ImageUploadError::Upload { source: Error::Interrupted(_), .. })));
    assert_eq!(methods.matches("PUT").count(), 5);
    // A stream is sent once, and may have arrived for all that.
    for (last, arrived) in [("queued", false), ("active", true)] {
        let steps = [Step::Break, shown(last)].into_iter().chain(arrived.then(|| shown(last)));
        let (client, script, _) = client(steps);
        let stream = Source::once(pentaprism_core::Body::from("abc"), None);
        let outcome = client.fill_image(id(), stream, &ImageUploadOptions::default()).await;
        assert_eq!((outcome.is_ok(), script.lines().len()), (arrived, if arrived { 3 } else { 2 }));
    }
}

#[tokio::test]
async fn refusals_and_local_failures_are_not_repeated() {
    for status in [400, 401, 403, 404, 409, 410, 413, 415, 500] {
        let (outcome, methods) = upload([created(), refused(status), taken()], &ImageUploadOptions::default()).await;
        assert!(matches!(outcome, Err(ImageUploadError::Upload { .. })), "{status}");
        assert_eq!(methods, "POST PUT DELETE");
    }
    let (client, script, _) = client([created(), taken(), taken()]);
    let short = Source::once(pentaprism_core::Body::from("abc"), Some(4)).with_progress(Arc::new(Counters::default()));
    let outcome = client.upload_image(&ImageCreate::default(), short, &ImageUploadOptions::default()).await;
    assert!(matches!(outcome, Err(ImageUploadError::Upload { .. })), "{outcome:?}");
    assert!(script.seen().iter().all(|seen| !seen.line.starts_with("PUT")), "the script saw only what arrived whole");
    let (outcome, _) = upload([refused(400)], &ImageUploadOptions::default()).await;
    assert!(matches!(outcome, Err(ImageUploadError::Create(_))));
}

#[tokio::test]
async fn an_image_that_does_not_become_active_is_told_and_deleted() {
    for status in ["queued", "killed", "deactivated", "of another kind"] {
        let (outcome, methods) =
            upload([created(), taken(), shown(status), taken()], &ImageUploadOptions::default()).await;
        let Err(ImageUploadError::Status { status: found, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((found.as_str(), methods.as_str()), (status, "POST PUT GET DELETE"));
    }
    let wait = Polling { total: Duration::from_secs(1), ..Polling::default() };
    let options = ImageUploadOptions { wait, ..ImageUploadOptions::default() };
    let saving = || shown("saving");
    let (outcome, methods) =
        upload([created(), taken(), saving(), saving(), saving(), saving(), taken()], &options).await;
    assert_eq!(methods, "POST PUT GET GET GET GET DELETE", "after 0, 200, 600 and 1,000 milliseconds");
    assert_eq!(
        outcome.unwrap_err().to_string(),
        format!("image {ID} is still saving after 1 seconds; ask for it later, or wait longer")
    );
    let (outcome, methods) = upload([created(), taken(), refused(404)], &options).await;
    assert!(matches!(outcome, Err(ImageUploadError::Show { .. })));
    assert_eq!(methods, "POST PUT GET", "nobody knows whether it is whole");
}

#[tokio::test]
async fn a_lost_answer_to_the_creation_is_no_loss_with_an_id() {
    let image = ImageCreate { id: Some(id()), ..ImageCreate::default() };
    let rest = || [taken(), shown("active")];
    for (steps, methods_called) in [
        (vec![Step::Break, shown("queued")], "POST GET PUT GET"),
        (vec![Step::Break, refused(404), created()], "POST GET POST PUT GET"),
    ] {
        let (client, script, _) = client(steps.into_iter().chain(rest()));
        assert!(client.upload_image(&image, "abc", &ImageUploadOptions::default()).await.is_ok());
        assert_eq!(methods_of(&script), methods_called);
    }
    let (client, script, _) = client([Step::Break, shown("active")]);
    let outcome = client.upload_image(&image, "abc", &ImageUploadOptions::default()).await;
    assert!(matches!(outcome, Err(ImageUploadError::Create(Error::Interrupted(_)))));
    assert_eq!(methods_of(&script), "POST GET", "it is somebody else's");
    assert!(matches!(upload([Step::Break], &ImageUploadOptions::default()).await.0, Err(ImageUploadError::Create(_))));
}

#[tokio::test]
async fn without_retries_a_broken_upload_is_still_looked_after() {
    let (client, script, _) = client([Step::Break, shown("active"), shown("active")]);
    let once = Retry { attempt: None, ..Retry::none().with_clock(leaping().1) };
    let outcome = client.with_retry(once).fill_image(id(), "abc", &ImageUploadOptions::default()).await;
    assert!(outcome.is_ok());
    assert_eq!(methods_of(&script), "PUT GET GET");
}

fn list(names: &[(&str, &str)]) -> Step {
    let images = names.iter().map(|(name, id)| {
        let mut image = record("active");
        (image["name"], image["id"]) = (json!(name), json!(id));
        image
    });
    let images: Vec<Value> = images.collect();
    answer(200, &json!({"images": images, "first": "/v2/images", "schema": "/v2/schemas/images"}))
}

#[tokio::test]
async fn images_are_found_by_id_and_by_name() {
    const OTHER: &str = "cf433676-4896-400d-8ec1-05118365d9d3";
    let find = async |steps: Vec<Step>, name: &str| {
        let (client, script, _) = client(steps);
        let found = client.find_image(name).await;
        (found, script.lines())
    };
    let (found, lines) = find(vec![shown("active")], &ID.to_uppercase()).await;
    assert_eq!((found.unwrap().id, lines), (id(), vec![format!("GET /v2/images/{ID}")]));
    let (found, lines) = find(vec![refused(404), list(&[(ID, OTHER)])], ID).await;
    assert_eq!((found.unwrap().id.to_string(), lines.len()), (OTHER.to_owned(), 2));
    let (found, lines) = find(vec![list(&[("a disk", ID), ("another", OTHER)])], "a disk").await;
    assert_eq!(found.unwrap().id, id());
    assert_eq!(lines, ["GET /v2/images?limit=100&name=a%20disk"]);
    let (found, lines) = find(vec![list(&[("debian:12", ID)])], "debian:12").await;
    assert!(found.is_ok());
    assert!(lines[0].ends_with("name=in:%22debian:12%22"), "{lines:?}");
    let (found, _) = find(vec![list(&[("disk", ID), ("disk", OTHER)])], "disk").await;
    let error = found.unwrap_err();
    assert_eq!(error.to_string(), format!("2 images are named \"disk\"; choose one by its id: {ID}, {OTHER}"));
    assert!(matches!(find(vec![list(&[])], "disk").await.0, Err(FindImageError::None(_))));
    assert!(matches!(find(vec![], "").await.0, Err(FindImageError::None(_))));
    assert!(matches!(find(vec![refused(401)], "disk").await.0, Err(FindImageError::List { .. })));
    assert!(matches!(find(vec![refused(401)], ID).await.0, Err(FindImageError::Show { .. })));
}

/// What a download gives, and the ranges that were asked for.
async fn download(
    steps: Vec<Step>,
    start: DownloadStart,
    verify: Verify,
) -> (Result<(u64, Result<String, String>), ImageDownloadError>, Vec<String>) {
    let (client, script, _) = client(steps);
    let outcome = match client.download_image(id(), start, verify).await {
        Ok(download) => {
            let read = download.body.collect(100).await;
            let told = |error: &dyn std::error::Error| error.source().map(ToString::to_string).unwrap_or_default();
            Ok((
                download.from,
                read.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).map_err(|error| told(&error)),
            ))
        }
        Err(error) => Err(error),
    };
    let range =
        |seen: &crate::upload::testing::Seen| seen.headers.get("range").map(|range| range.to_str().unwrap().to_owned());
    (outcome, script.seen().iter().filter_map(range).collect())
}

fn data(status: u16, range: &str, text: &'static str) -> Step {
    bytes(status, &[("content-type", "application/octet-stream"), ("content-range", range)], text)
}

#[tokio::test]
async fn a_download_is_compared_while_it_is_read() {
    let whole = |text| vec![shown("active"), data(200, "", text)];
    for verify in [Verify::Auto, Verify::None, Verify::Digest(Algorithm::Md5)] {
        let (outcome, ranges) = download(whole("abc"), DownloadStart::Beginning, verify).await;
        assert_eq!((outcome.unwrap(), ranges.len()), ((0, Ok("abc".to_owned())), 0));
    }
    let (outcome, _) = download(whole("abd"), DownloadStart::Beginning, Verify::Auto).await;
    let error = outcome.unwrap().1.unwrap_err();
    assert!(error.ends_with(&format!("in place of sha512 {SHA512}")), "{error}");
    let (outcome, _) = download(whole("ab"), DownloadStart::Beginning, Verify::Auto).await;
    assert_eq!(outcome.unwrap().1.unwrap_err(), "there are 2 bytes in place of 3");
    let (outcome, _) = download(whole("abd"), DownloadStart::Beginning, Verify::None).await;
    assert!(outcome.unwrap().1.is_ok());
    let (outcome, _) =
        download(vec![shown("active")], DownloadStart::Beginning, Verify::Digest(Algorithm::Sha256)).await;
    assert!(matches!(outcome, Err(ImageDownloadError::Unverifiable { .. })));
}

#[tokio::test]
async fn a_download_goes_on_where_another_ended() {
    let rest = |text| vec![shown("active"), data(206, "bytes 1-2/3", text)];
    for start in [DownloadStart::Offset(1), DownloadStart::After(Source::from("a"))] {
        let (outcome, ranges) = download(rest("bc"), start, Verify::Auto).await;
        assert_eq!((outcome.unwrap(), ranges), ((1, Ok("bc".to_owned())), vec!["bytes=1-".to_owned()]));
    }
    // What was there already is compared, too.
    let (outcome, _) = download(rest("bc"), DownloadStart::After(Source::from("x")), Verify::Auto).await;
    assert!(outcome.unwrap().1.is_err());
    // All is there: there is nothing to ask for, and it is compared nevertheless.
    for (begun, whole) in [("abc", true), ("abd", false)] {
        let (outcome, ranges) =
            download(vec![shown("active")], DownloadStart::After(Source::from(begun)), Verify::Auto).await;
        assert_eq!((outcome.unwrap().1.is_ok(), ranges.len()), (whole, 0));
    }
    let (outcome, _) = download(vec![shown("active")], DownloadStart::Offset(4), Verify::Auto).await;
    assert!(matches!(outcome, Err(ImageDownloadError::Beyond { size: 3, from: 4, .. })));
    for answer in [data(200, "", "abc"), data(206, "bytes 0-2/3", "abc"), refused(416)] {
        let (outcome, _) = download(vec![shown("active"), answer], DownloadStart::Offset(1), Verify::Auto).await;
        assert!(matches!(outcome, Err(ImageDownloadError::Range { from: 1, .. })));
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told() {
    let (outcome, _) =
        download(vec![shown("queued"), bytes(204, &[], "")], DownloadStart::Beginning, Verify::Auto).await;
    assert_eq!(outcome.unwrap_err().to_string(), format!("image {ID} is queued and has no bytes"));
    let (outcome, _) = download(vec![refused(404)], DownloadStart::Beginning, Verify::Auto).await;
    assert!(matches!(outcome, Err(ImageDownloadError::Show { .. })));
    let (outcome, _) = download(vec![shown("active"), refused(404)], DownloadStart::Beginning, Verify::Auto).await;
    assert!(matches!(outcome, Err(ImageDownloadError::Download { .. })));
    let spent = Source::once(pentaprism_core::Body::from("a"), None);
    drop(spent.body().await);
    let (outcome, _) = download(vec![shown("active")], DownloadStart::After(spent), Verify::Auto).await;
    assert!(matches!(outcome, Err(ImageDownloadError::Begun { source: SourceError::Once, .. })));
}
