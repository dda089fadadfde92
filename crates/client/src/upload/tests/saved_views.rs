//! Pictures of saved views against a service by script: what is checked before, sent, and read back.

use std::sync::Arc;

use pentaprism_core::dialects::saved_views::models::ImageUpdate;
use serde_json::json;

use super::*;
use crate::credential::Credential;
use crate::progress::Counters;
use crate::upload::png::tests::PIXEL;
use crate::upload::testing::{Script, Step, bytes, json as answer, leaping};

fn client(script: &Script) -> SavedViewsClient<Script> {
    let base = "http://service.example".parse().unwrap();
    SavedViewsClient::new(script.clone(), base, Credential::bearer("secret").unwrap()).with_retry(leaping().0)
}

fn link(href: &str) -> Step {
    answer(200, &json!({"href": href}))
}

fn refused(status: u16) -> Step {
    answer(status, &json!({"error": {"code": "InvalidSavedviewsRequest", "message": "no"}}))
}

async fn put(
    steps: impl IntoIterator<Item = Step>,
    picture: Source,
) -> (Result<PutPicture, PutPictureError>, Script, Arc<Counters>) {
    let (script, counters) = (Script::new(steps), Arc::new(Counters::default()));
    let source = picture.with_progress(counters.clone());
    let outcome = client(&script).put_picture("a-view", source, &PutPictureOptions { limit: 100 }).await;
    (outcome, script, counters)
}

fn counted(counters: &Counters) -> (u64, u64) {
    (counters.bytes_sent(), counters.bytes_acknowledged())
}

#[tokio::test]
async fn a_picture_is_put_and_its_link_read_back() {
    for picture in [Source::bytes(PIXEL), Source::once(Body::from(PIXEL.to_vec()), None)] {
        let (outcome, script, counters) = put([bytes(204, &[], ""), link("https://x.example/secret")], picture).await;
        let picture = outcome.unwrap();
        assert_eq!((picture.header.width, picture.bytes, picture.href.as_str()), (1, 68, "https://x.example/secret"));
        assert!(!format!("{picture:?}").contains("secret"));
        assert_eq!(counted(&counters), (68, 68));
        assert_eq!(script.lines(), ["PUT /savedviews/a-view/image", "GET /savedviews/a-view/image?size=full"]);
        let expected = UpdateImage::json_body(&ImageUpdate::png(PIXEL)).unwrap();
        assert_eq!(script.seen()[0].body, expected, "the model writes it alike");
    }
}

#[tokio::test]
async fn nothing_is_sent_of_what_is_no_png_of_the_right_size() {
    for cut in [0, 7, 30, 60, 67] {
        let (outcome, _, counters) = put([], Source::bytes(&PIXEL[..cut])).await;
        assert!(matches!(outcome, Err(PutPictureError::NotPng(_))), "{cut}");
        assert_eq!(counted(&counters), (0, 0), "it was taken back");
    }
    let large = vec![0; 101];
    for picture in [Source::bytes(large.clone()), Source::once(Body::stream(Body::from(large)), None)] {
        assert!(matches!(put([], picture).await.0, Err(PutPictureError::TooLarge { limit: 100 })));
    }
    let spent = Source::once(Body::from(PIXEL.to_vec()), None);
    drop(spent.body().await);
    assert!(matches!(put([], spent).await.0, Err(PutPictureError::Source(SourceError::Once))));
}

#[tokio::test]
async fn refusals_are_told_and_broken_exchanges_repeated() {
    let (outcome, _, counters) = put([refused(422)], Source::bytes(PIXEL)).await;
    assert!(matches!(outcome, Err(PutPictureError::Update { source: Error::Refused(_), .. })));
    assert_eq!(counted(&counters), (0, 0));
    let steps = [Step::Break, bytes(502, &[], ""), bytes(204, &[], ""), link("x")];
    assert!(put(steps, Source::bytes(PIXEL)).await.0.is_ok(), "putting twice is putting once");
    let (outcome, _, counters) = put([bytes(204, &[], ""), refused(404)], Source::bytes(PIXEL)).await;
    assert!(matches!(outcome, Err(PutPictureError::ReadBack { .. })));
    assert_eq!(counted(&counters), (68, 68), "it is there for all that");
}

#[tokio::test]
async fn pictures_come_from_links_and_from_data_urls() {
    let script =
        Script::new([link("https://x.example/secret"), bytes(200, &[("content-type", "image/png")], "a picture")]);
    let download = client(&script).get_picture("a-view", PictureSize::Full).await.unwrap();
    assert_eq!(
        (download.media_type.as_deref(), &download.body.collect(9).await.unwrap()[..]),
        (Some("image/png"), &b"a picture"[..])
    );
    assert!(!script.seen()[1].headers.contains_key("authorization"));
    for (href, media_type, text) in [
        ("data:image/png;base64,aGk=", Some("image/png"), "hi"),
        ("DATA:image/jpeg;x=y;Base64,aGk", Some("image/jpeg;x=y"), "hi"),
        ("data:image/png;base64,aGk%3D", Some("image/png"), "hi"),
        ("data:,a%20b", None, "a b"),
    ] {
        let script = Script::new([link(href)]);
        let download = client(&script).get_picture("a-view", PictureSize::Thumbnail).await.unwrap();
        assert_eq!(script.lines(), ["GET /savedviews/a-view/image?size=thumbnail"]);
        assert_eq!((download.media_type.as_deref(), download.length), (media_type, Some(text.len() as u64)), "{href}");
        assert_eq!(download.body.collect(9).await.unwrap(), text);
    }
}

#[tokio::test]
async fn what_cannot_be_had_is_told_without_the_link() {
    for (steps, message) in [
        (vec![refused(404)], "the link to the picture of saved view a-view cannot be had"),
        (
            vec![link("data:image/png;base64,secret*")],
            "the service gave a damaged data URL as the picture of saved view a-view",
        ),
        (vec![link("data:secret")], "the service gave a damaged data URL as the picture of saved view a-view"),
        (vec![link("/secret")], "the picture of saved view a-view cannot be read"),
        (
            vec![link("https://x.example/secret"), bytes(404, &[], "")],
            "the picture of saved view a-view cannot be read",
        ),
    ] {
        let error = client(&Script::new(steps)).get_picture("a-view", PictureSize::Full).await.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}
