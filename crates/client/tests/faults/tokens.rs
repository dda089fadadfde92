//! Tokens that a service refuses in the middle of the work.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
use pentaprism_client::upload::glance::{ImageUploadError, ImageUploadOptions};
use pentaprism_client::upload::service_fabric::FabricUploadOptions;
use pentaprism_client::{Counters, Credential, Source, Token, TokenError, TokenProvider};
use pentaprism_core::Body;
use pentaprism_core::dialects::glance::models::ImageCreate;

use crate::jobs::{fabric_listing, glance_created, glance_kind, glance_shown, glance_taken};
use crate::server::{Act, Server, header, send, whole};
use crate::support::{Kind, answer, base, bounded, leaping, transport};

/// Gives `token-1` until that is refused, and so on.
#[derive(Default)]
struct Numbered {
    number: Mutex<u32>,
    /// The last one that there is.
    last: u32,
}

impl TokenProvider for Numbered {
    fn token<'a>(
        &'a self,
        refused: Option<&'a Token>,
    ) -> Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>> {
        let mut number = self.number.lock().unwrap();
        *number += u32::from(refused.is_some() || *number == 0);
        let given = if *number > self.last {
            Err(TokenError::Refused)
        } else {
            Ok(Token::new(format!("token-{number}"), None))
        };
        Box::pin(std::future::ready(given))
    }
}

fn glance(server: &Server, last: u32) -> GlanceClient<pentaprism_client::HyperTransport> {
    let credential = Credential::auth_token_from(Numbered { last, ..Numbered::default() });
    GlanceClient::new(transport(), base(server.address), credential).with_retry(leaping())
}

fn refusal() -> Vec<u8> {
    let head = "401 Unauthorized\nx-openstack-request-id: req-1\ncontent-type: text/plain\nwww-authenticate: Keystone";
    answer(head, "who are you?")
}

fn deleted() -> Vec<u8> {
    answer("204 No Content\nx-openstack-request-id: req-1", "")
}

/// Method and token of each request.
fn shown(got: &[Vec<u8>]) -> Vec<String> {
    let shown = |request: &Vec<u8>| {
        let method = String::from_utf8_lossy(request.split(|byte| *byte == b' ').next().unwrap()).into_owned();
        format!("{method} {}", header(request, "x-auth-token").unwrap())
    };
    got.iter().map(shown).collect()
}

const LENGTH: u64 = 3;

async fn upload(server: &Server, last: u32, again: bool) -> (Result<(), ImageUploadError>, (u64, u64)) {
    let counters = Arc::new(Counters::default());
    let source = if again { Source::from("abc") } else { Source::once(Body::from("abc"), None) };
    let source = source.with_progress(counters.clone());
    let client = glance(server, last);
    let options = ImageUploadOptions::default();
    let uploaded = bounded(client.upload_image(&ImageCreate::default(), source, &options)).await;
    (uploaded.map(drop), (counters.bytes_sent(), counters.bytes_acknowledged()))
}

#[tokio::test]
async fn bytes_that_can_be_read_again_are_sent_again_under_another_token() {
    // Whether the service reads the bytes before it refuses, and whether it lets the connection live.
    for refusing in [whole(refusal()), vec![Act::ReadHead, send(refusal()), Act::Close]] {
        let script =
            [whole(glance_created()), refusing, whole(glance_taken()), whole(refusal()), whole(glance_shown("active"))];
        let server = Server::start(script).await;
        let (uploaded, counted) = upload(&server, 3, true).await;
        uploaded.unwrap();
        assert_eq!(counted, (LENGTH, LENGTH));
        let got = server.finish();
        assert_eq!(shown(&got), ["POST token-1", "PUT token-1", "PUT token-2", "GET token-2", "GET token-3"]);
        assert!(got[2].ends_with(b"\r\n\r\nabc"), "they are sent whole");
    }
}

#[tokio::test]
async fn a_stream_is_refused_with_its_token() {
    let script = [whole(glance_created()), whole(refusal()), whole(refusal()), whole(deleted())];
    let server = Server::start(script).await;
    let (uploaded, counted) = upload(&server, 2, false).await;
    assert_eq!((glance_kind(&uploaded.unwrap_err()), counted), (Kind::Refused(401), (0, 0)));
    // The image that was created is taken away again, for which the next token is good.
    assert_eq!(shown(&server.finish()), ["POST token-1", "PUT token-1", "DELETE token-1", "DELETE token-2"]);
}

#[tokio::test]
async fn a_token_that_comes_to_nothing_ends_it() {
    // The second token is refused, too.
    let server = Server::start([whole(refusal()), whole(refusal())]).await;
    let (uploaded, counted) = upload(&server, 9, true).await;
    assert_eq!((glance_kind(&uploaded.unwrap_err()), counted), (Kind::Refused(401), (0, 0)));
    assert_eq!(shown(&server.finish()), ["POST token-1", "POST token-2"]);
    // There is no second: what the service said of the first is told.
    let server = Server::start([whole(refusal())]).await;
    let (uploaded, _) = upload(&server, 1, true).await;
    assert_eq!(glance_kind(&uploaded.unwrap_err()), Kind::Refused(401));
    assert_eq!(shown(&server.finish()), ["POST token-1"]);
}

#[tokio::test]
async fn another_token_is_asked_for_between_other_failures() {
    let busy = answer("429 Too Many Requests\nretry-after: 1", "busy");
    let lost = vec![Act::ReadAll, Act::Reset];
    let script = [whole(busy), whole(refusal()), lost];
    let server = Server::start(script).await;
    let (uploaded, _) = upload(&server, 2, true).await;
    assert_eq!(glance_kind(&uploaded.unwrap_err()), Kind::NoAnswer);
    assert_eq!(shown(&server.finish()), ["POST token-1", "POST token-1", "POST token-2"]);
}

#[tokio::test]
async fn the_token_of_the_image_store_is_replaced_too() {
    let refusal = answer("401 Unauthorized\ncontent-type: application/json", "");
    let script = [whole(refusal.clone()), whole(answer("200 OK", "")), whole(refusal), whole(fabric_listing(10))];
    let server = Server::start(script).await;
    let credential = Credential::bearer_from(Numbered { last: 9, ..Numbered::default() });
    let client = ServiceFabricClient::new(transport(), base(server.address), credential).with_retry(leaping());
    bounded(client.upload("Images/a.vhd", "ten bytes!", &FabricUploadOptions::default())).await.unwrap();
    let tokens: Vec<_> = server.finish().iter().map(|got| header(got, "authorization").unwrap()).collect();
    assert_eq!(tokens, ["Bearer token-1", "Bearer token-2", "Bearer token-2", "Bearer token-3"]);
}
