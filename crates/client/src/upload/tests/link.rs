//! Links: where they lead, what is asked there, and what is not told.

use super::*;
use crate::credential::Credential;
use crate::retry::Retry;
use crate::upload::testing::{Script, Step, bytes, leaping};

const LINK: &str = "https://files.example/a/secret?sig=secret";

async fn read(steps: impl IntoIterator<Item = Step>, link: &str, from: u64) -> (Result<Download, LinkError>, Script) {
    let script = Script::new(steps);
    let base = "http://service.example".parse().unwrap();
    let caller = Caller::new(script.clone(), base, Credential::bearer("secret").unwrap()).with_retry(leaping().0);
    (follow(&caller, link, from).await, script)
}

fn moved(to: &str) -> Step {
    let Step::Answer(mut answer) = bytes(302, &[], "") else { unreachable!() };
    answer.headers_mut().insert(LOCATION, to.parse().unwrap());
    Step::Answer(answer)
}

#[tokio::test]
async fn bytes_are_read_without_a_credential() {
    let answer = bytes(200, &[("content-type", "image/png"), ("content-length", "4")], "abcd");
    let (download, script) = read([answer], LINK, 0).await;
    let download = download.unwrap();
    assert_eq!((download.length, download.media_type.as_deref(), download.from), (Some(4), Some("image/png"), 0));
    assert_eq!(download.body.collect(10).await.unwrap(), "abcd");
    assert_eq!(script.lines(), [format!("GET {LINK}")]);
    assert!(script.seen()[0].headers.is_empty());
}

#[tokio::test]
async fn a_part_is_asked_for_and_must_be_the_one_that_comes() {
    let part = || bytes(206, &[("content-range", "bytes 2-3/4")], "cd");
    let (download, script) = read([part()], LINK, 2).await;
    assert_eq!(download.unwrap().from, 2);
    assert_eq!(script.seen()[0].headers["range"], "bytes=2-");
    assert_eq!(read([bytes(200, &[], "abcd")], LINK, 2).await.0.unwrap().from, 0, "not every host knows ranges");
    for from in [0, 1] {
        assert!(matches!(read([part()], LINK, from).await.0, Err(LinkError::Range { .. })));
    }
}

#[tokio::test]
async fn three_redirections_are_followed() {
    let steps = [moved("/b/c#d"), moved("d?e"), moved("//other.example/x"), bytes(200, &[], "abcd")];
    let (download, script) = read(steps, LINK, 0).await;
    assert!(download.is_ok());
    let lines = ["/b/c", "/b/d?e"].map(|path| format!("GET https://files.example{path}"));
    assert_eq!(script.lines()[1..], [&lines[0], &lines[1], "GET https://other.example/x"]);
    let (download, _) = read([moved("?1"), moved("?2"), moved("?3"), moved("?4")], LINK, 0).await;
    assert!(matches!(download, Err(LinkError::Redirections { .. })));
}

#[tokio::test]
async fn only_web_addresses_are_followed_and_never_into_the_open() {
    for link in ["", "nothing", "/a/b", "https://", "https://user:password@files.example/"] {
        assert!(matches!(read([], link, 0).await.0, Err(LinkError::NoLink)), "{link}");
    }
    assert!(matches!(read([], "ftp://files.example/a", 0).await.0, Err(LinkError::Scheme(scheme)) if scheme == "ftp"));
    for (location, scheme) in [("http://files.example/", "http"), ("file:///etc/passwd", "file")] {
        let (download, _) = read([moved(location)], LINK, 0).await;
        assert!(matches!(download, Err(LinkError::Scheme(other)) if other == scheme), "{location}");
    }
}

#[tokio::test]
async fn what_may_be_asked_again_is_and_errors_keep_the_secret() {
    let steps = [Step::Refuse, Step::Break, bytes(503, &[("retry-after", "7")], ""), bytes(200, &[], "abcd")];
    let (download, script) = read(steps, LINK, 0).await;
    assert!(download.is_ok());
    assert_eq!(script.lines().len(), 4);
    let (gone, _) = read([bytes(404, &[], "secret")], LINK, 0).await;
    assert!(matches!(gone, Err(LinkError::Status { status: StatusCode::NOT_FOUND, .. })));
    for step in [bytes(404, &[], ""), Step::Refuse, Step::Break] {
        let caller = Caller::new(Script::new([step]), "http://a.example".parse().unwrap(), Credential::none());
        let error = follow(&caller.with_retry(Retry::none()), LINK, 0).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}
