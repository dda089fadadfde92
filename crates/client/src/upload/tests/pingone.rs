//! Pictures of PingOne against a service by script: what is recognised, sent, named, and read back.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::credential::Credential;
use crate::progress::Counters;
use crate::upload::png::tests::PIXEL;
use crate::upload::testing::{Script, Step, bytes, json as answer, leaping};

const ENVIRONMENT: &str = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6";
const IMAGE: &str = "cf433676-4896-400d-8ec1-05118365d9d2";

fn client(script: &Script) -> PingoneClient<Script> {
    let base = "http://service.example".parse().unwrap();
    PingoneClient::new(script.clone(), base, Credential::bearer("secret").unwrap()).with_retry(leaping().0)
}

fn record(width: i32) -> Value {
    json!({"_links": {"self": {"href": "x"}, "environment": {"href": "x"}}, "id": IMAGE, "environment": {"id": ENVIRONMENT},
        "targets": {"original": {"id": "original", "width": width, "height": 1, "type": "png", "href": "https://x.example/a.png"}},
        "createdAt": "2020-02-27T19:49:36.457Z"})
}

fn refused(status: u16) -> Step {
    answer(status, &json!({"id": IMAGE, "code": "INVALID_DATA", "message": "no"}))
}

async fn upload(
    steps: impl IntoIterator<Item = Step>,
    picture: impl Into<Source>,
) -> (Result<UploadedPicture, PictureUploadError>, Script) {
    let script = Script::new(steps);
    let outcome = client(&script).upload_picture(ENVIRONMENT, "a.png", picture, &PictureUploadOptions::default()).await;
    (outcome, script)
}

#[tokio::test]
async fn a_picture_is_created_and_read_back() {
    let jpeg = [0xff, 0xd8, 0xff, 0xe0, 1].to_vec();
    for (picture, format, media_type) in [
        (PIXEL.to_vec(), PictureFormat::Png, "image/png"),
        (jpeg, PictureFormat::Jpeg, "image/jpeg"),
        (b"GIF87a".to_vec(), PictureFormat::Gif, "image/gif"),
    ] {
        for source in [Source::bytes(picture.clone()), Source::once(pentaprism_core::Body::from(picture.clone()), None)]
        {
            let counters = Arc::new(Counters::default());
            let steps = [answer(201, &record(1)), answer(200, &record(1))];
            let (outcome, script) = upload(steps, source.with_progress(counters.clone())).await;
            let uploaded = outcome.unwrap();
            assert_eq!((uploaded.image.id.to_string().as_str(), uploaded.format), (IMAGE, format));
            assert_eq!(
                (counters.bytes_sent(), counters.bytes_acknowledged()),
                (picture.len() as u64, picture.len() as u64)
            );
            let images = format!("/v1/environments/{ENVIRONMENT}/images");
            assert_eq!(script.lines(), [format!("POST {images}"), format!("GET {images}/{IMAGE}")]);
            let seen = &script.seen()[0];
            assert_eq!(seen.headers["content-type"], media_type);
            assert_eq!(seen.body, picture);
            assert_eq!(seen.headers["content-disposition"], "attachment; filename=\"a.png\"");
        }
    }
}

#[tokio::test]
async fn nothing_is_sent_of_what_the_service_does_not_take() {
    for wrong in ["", "GIF88a", "<svg></svg>", "\u{89}PNG"] {
        assert!(matches!(upload([], wrong).await.0, Err(PictureUploadError::Format)), "{wrong}");
    }
    let large = vec![0xff; (2 << 20) + 1];
    let error = upload([], large.clone()).await.0.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the picture has 2097153 bytes, and the service takes 2097152 at most; make it smaller"
    );
    let mut large = large;
    large[1] = 0xd8;
    let script = Script::new([refused(400)]);
    let options = PictureUploadOptions { limit: None };
    let outcome = client(&script).upload_picture(ENVIRONMENT, "a", large, &options).await;
    assert!(
        matches!(outcome, Err(PictureUploadError::Create { source: Error::Refused(_), .. })),
        "the service decides"
    );
}

#[tokio::test]
async fn what_goes_wrong_is_told() {
    let (outcome, script) = upload([Step::Break], PIXEL.to_vec()).await;
    assert!(matches!(outcome, Err(PictureUploadError::Create { source: Error::Interrupted(_), .. })));
    assert_eq!(script.lines().len(), 1, "there might be two otherwise");
    let (outcome, _) = upload([answer(201, &record(1)), refused(404)], PIXEL.to_vec()).await;
    assert!(matches!(outcome, Err(PictureUploadError::ReadBack { .. })));
    let (outcome, _) = upload([answer(201, &record(1)), answer(200, &record(2))], PIXEL.to_vec()).await;
    assert!(matches!(outcome, Err(PictureUploadError::Differs { .. })));
    let half = bytes(201, &[("content-type", "application/json")], "{\"id\":");
    let (outcome, _) = upload([half], PIXEL.to_vec()).await;
    assert!(matches!(outcome, Err(PictureUploadError::Create { source: Error::Undocumented { .. }, .. })));
}

#[test]
fn names_travel_in_two_forms_where_they_have_to() {
    for (name, header) in [
        ("a b.png", "attachment; filename=\"a b.png\""),
        ("a\"\\;b", "attachment; filename=\"a\\\"\\\\;b\""),
        ("Ä b.png", "attachment; filename=\"_ b.png\"; filename*=UTF-8''%C3%84%20b.png"),
        ("a\r\nb", "attachment; filename=\"a__b\"; filename*=UTF-8''a%0D%0Ab"),
        ("", "attachment; filename=\"\""),
    ] {
        assert_eq!(attachment(name), header);
    }
}

#[tokio::test]
async fn a_picture_comes_with_its_record() {
    let script = Script::new([answer(200, &record(1)), bytes(200, &[("content-type", "image/png")], "a picture")]);
    let (image, download) = client(&script).download_picture(ENVIRONMENT, IMAGE).await.unwrap();
    assert_eq!((image.targets.original.width, &download.body.collect(9).await.unwrap()[..]), (1, &b"a picture"[..]));
    assert!(!script.seen()[1].headers.contains_key("authorization"));
    let gone = client(&Script::new([refused(404)])).download_picture(ENVIRONMENT, IMAGE).await;
    assert!(matches!(gone, Err(PictureDownloadError::Read { .. })));
    let gone =
        client(&Script::new([answer(200, &record(1)), bytes(404, &[], "")])).download_picture(ENVIRONMENT, IMAGE).await;
    assert!(matches!(gone, Err(PictureDownloadError::Link { .. })));
}
