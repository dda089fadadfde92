//! Answers that are whole and yet not what is documented, and ones that are no HTTP.

use pentaprism_client::dialects::pingone::PingoneClient;
use pentaprism_client::dialects::saved_views::SavedViewsClient;
use pentaprism_client::retry::Standard;
use pentaprism_client::{Credential, Error, RawResponse, Retry};
use pentaprism_core::dialects::glance::show_image::ShowImage;
use pentaprism_core::dialects::pingone::read_image::ReadImage;
use pentaprism_core::dialects::saved_views::get_image::GetImage;
use serde_json::{Value, json};

use crate::jobs::{ID, fabric_client, glance_client, glance_record};
use crate::server::{Act, Server, send, whole};
use crate::support::{Kind, answer, base, bounded, chunked, kind, leaping, transport};

fn show() -> ShowImage {
    ShowImage { image_id: ID.to_owned() }
}

const HEAD: &str = "200 OK\nx-openstack-request-id: req-1\ncontent-type: application/json";

/// How one attempt to show an image ends.
async fn shown(acts: Vec<Act>) -> Result<(), Kind> {
    let server = Server::start([acts]).await;
    let client = glance_client(transport(), server.address).with_retry(Retry::none());
    let shown = bounded(client.show_image(&show())).await;
    assert_eq!(server.finish().len(), 1);
    shown.map(|shown| assert_eq!(shown.body.id.to_string(), ID)).map_err(|error| kind(&error))
}

async fn shown_as(answer: Vec<u8>) -> Result<(), Kind> {
    shown(whole(answer)).await
}

fn without(member: &str) -> String {
    let mut record = glance_record("active");
    record.as_object_mut().unwrap().remove(member);
    record.to_string()
}

fn with(member: &str, value: Value) -> String {
    let mut record = glance_record("active");
    record[member] = value;
    record.to_string()
}

#[tokio::test]
async fn json_of_another_shape() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies = ["", " ", "null", "true", "7", "\"text\"", "[]", "{}", "[{}]", "{\"image\":{}}", "nan", "\u{feff}{}"];
    let records = [
        without("id"),
        without("status"),
        with("id", json!("no-id")),
        with("id", json!(null)),
        with("status", json!(7)),
        with("tags", json!("red")),
        with("size", json!("3")),
        with("size", json!(1e300)),
        format!("{},", glance_record("active")),
        format!("[{}]", glance_record("active")),
        glance_record("active").to_string().replace('"', "'"),
        deep,
    ];
    for body in bodies.into_iter().map(str::to_owned).chain(records) {
        let end = shown_as(answer(HEAD, &body)).await;
        assert_eq!(end, Err(Kind::Undocumented(200)), "{}", &body[..body.len().min(300)]);
    }
    let mut latin = answer(HEAD, &with("name", json!("a-name")));
    let at = latin.windows(6).position(|window| window == b"a-name").unwrap();
    latin[at] = 0xe9;
    assert_eq!(shown_as(latin).await, Err(Kind::Undocumented(200)), "it is no UTF-8");
}

#[tokio::test]
async fn a_page_in_place_of_json() {
    let page = "<!DOCTYPE html><html><body>Log in to the airport's network</body></html>";
    let head = "200 OK\nx-openstack-request-id: req-1\ncontent-type: text/html";
    assert_eq!(shown_as(answer(head, page)).await, Err(Kind::Undocumented(200)));
    let server = Server::start((0..2).map(|_| whole(answer("200 OK\ncontent-type: text/html", page)))).await;
    let views = SavedViewsClient::new(transport(), base(server.address), Credential::none()).with_retry(leaping());
    let input = GetImage { saved_view_id: "a-view".to_owned(), size: None };
    let error = bounded(views.get_image(&input)).await.unwrap_err();
    let Error::Undocumented { response, .. } = error else { panic!("{error:?}") };
    assert_eq!(response.body, page);
    let pingone = PingoneClient::new(transport(), base(server.address), Credential::none()).with_retry(leaping());
    let input = ReadImage { environment_id: ID.to_owned(), image_id: ID.to_owned() };
    assert_eq!(kind(&bounded(pingone.read_image(&input)).await.unwrap_err()), Kind::Undocumented(200));
    assert_eq!(server.finish().len(), 2, "it is not asked for again");
}

#[tokio::test]
async fn json_under_any_name_is_json() {
    for line in ["content-type: text/plain", "content-type: nonsense", "content-type:", "x-other: 1"] {
        let head = format!("200 OK\nx-openstack-request-id: req-1\n{line}");
        let end = shown_as(answer(&head, &glance_record("active").to_string())).await;
        assert_eq!(end, Ok(()), "{line}");
    }
    let nameless = answer("200 OK\ncontent-type: application/json", &glance_record("active").to_string());
    assert_eq!(shown_as(nameless).await, Err(Kind::Undocumented(200)), "a documented header is missing");
}

#[tokio::test]
async fn chunked_json_has_its_last_chunk_or_no_success() {
    let record = glance_record("active").to_string();
    for size in [7, 100, record.len()] {
        let bytes = chunked(HEAD, &record, size);
        assert_eq!(shown_as(bytes.clone()).await, Ok(()));
        let head =
            bytes.len() - chunked(HEAD, &record, size).split_off(crate::server::head_length(&bytes).unwrap()).len();
        let step = if size == 7 { 1 } else { 37 };
        // The last line ending is all that may be missing: the chunk before it has said that it is the last.
        for kept in (head..bytes.len() - 2).step_by(step).chain([bytes.len() - 3, bytes.len() - 4, bytes.len() - 5]) {
            assert_eq!(shown_as(bytes[..kept].to_vec()).await, Err(Kind::Broken), "{kept} of {}", bytes.len());
        }
    }
    for wrong in
        ["", "zz\r\n", "-1\r\nx\r\n0\r\n\r\n", "ffffffffffffffffff\r\n", "2\r\n{}x\r\n0\r\n\r\n", "2\n{}\n0\n\n"]
    {
        let head = HEAD.replace('\n', "\r\n");
        let bytes = format!("HTTP/1.1 {head}\r\ntransfer-encoding: chunked\r\n\r\n{wrong}");
        assert_eq!(shown_as(bytes.into_bytes()).await, Err(Kind::Broken), "{wrong:?}");
    }
}

#[tokio::test]
async fn what_is_no_http() {
    for nothing in [
        "\r\n",
        "garbage\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/3.7 200 OK\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "220 mail.example ESMTP\r\n",
        "\u{16}\u{3}\u{1}\u{2}",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        "HTTP/1.1 200 OK\r\na\u{0}b: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n{}",
    ] {
        assert_eq!(shown(vec![Act::ReadAll, send(nothing)]).await, Err(Kind::NoAnswer), "{nothing:?}");
    }
}

#[tokio::test]
async fn more_than_was_announced_belongs_to_nobody() {
    let mut bytes = answer(HEAD, &glance_record("active").to_string());
    bytes.extend(b"HTTP/1.1 500 Surprise\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(shown_as(bytes).await, Ok(()));
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    let line = "x-more: 0123456789012345678901234567890123456789\r\n";
    for (first, more) in [
        ("HTTP/1.1 200 OK\r\n", line.to_owned()),
        ("HTTP/1.1 200 OK\r\nx-long: ", "0123456789".repeat(100)),
        ("HTTP/1.1 200 ", "word ".repeat(100)),
        ("", "\r\n".repeat(100)),
    ] {
        let flood = vec![Act::ReadAll, send(first), Act::Flood(more.into())];
        assert_eq!(shown(flood).await, Err(Kind::NoAnswer), "{first:?}");
    }
}

#[tokio::test]
async fn a_success_larger_than_anybody_needs_is_none() {
    let head = HEAD.replace('\n', "\r\n");
    let space = " ".repeat(1 << 20);
    let server = Server::start([vec![
        Act::ReadAll,
        send(format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n[")),
        Act::Flood(space.into()),
    ]])
    .await;
    let client = glance_client(transport(), server.address)
        .with_retry(leaping().with_policy(Standard { attempts: 1, ..Standard::default() }));
    let error = bounded(client.show_image(&show())).await.unwrap_err();
    let Error::Undocumented { response, .. } = error else { panic!("{error:?}") };
    assert_eq!((response.status.as_u16(), response.body.len()), (200, RawResponse::BODY_LIMIT));
}

#[tokio::test]
async fn an_upload_is_not_done_when_a_page_says_so() {
    // The image store's own success has no body, so a page passes for one; the look that follows finds nothing.
    use pentaprism_client::upload::service_fabric::{FabricUploadError, FabricUploadOptions};
    let page = answer("200 OK\ncontent-type: text/html", "<html>welcome</html>");
    let server = Server::start([whole(page.clone()), whole(page)]).await;
    let client = fabric_client(transport(), server.address);
    let error = bounded(client.upload("a", "bytes", &FabricUploadOptions::default())).await.unwrap_err();
    assert!(matches!(error, FabricUploadError::List(_)), "{error:?}");
    server.finish();
}
