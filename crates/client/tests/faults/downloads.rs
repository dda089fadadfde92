//! Downloads that break after every possible number of bytes: what came is never taken for the whole.

use std::net::SocketAddr;

use pentaprism_client::dialects::azure_sphere::AzureSphereClient;
use pentaprism_client::dialects::pingone::PingoneClient;
use pentaprism_client::dialects::saved_views::SavedViewsClient;
use pentaprism_client::upload::glance::{DownloadStart, Verify};
use pentaprism_client::upload::saved_views::PictureSize;
use pentaprism_client::{Credential, HyperTransport};
use pentaprism_core::Body;
use pentaprism_core::dialects::glance::download_image_data::DownloadImageData;
use serde_json::json;

use crate::jobs::{ID, fabric_client, fabric_listing, glance_client, glance_shown};
use crate::server::{Act, Server, head_length, send, whole};
use crate::support::{answer, base, bounded, chunked, json as with_json, leaping, transport};

const BYTES: &str = "abc";

/// A way to read the bytes.
struct Way {
    name: &'static str,
    /// What is answered before the bytes are asked for; told the server's address.
    before: fn(SocketAddr) -> Option<Vec<u8>>,
    /// The head of the answer with the bytes.
    head: &'static str,
    open: fn(HyperTransport, SocketAddr) -> Opening,
    /// Whether the length is known from elsewhere, so that an answer without one can be seen to be short.
    knows_length: bool,
}

type Opening = std::pin::Pin<Box<dyn Future<Output = Result<Body, String>> + Send>>;

fn told<R>(opened: Result<R, impl std::fmt::Debug>) -> Result<R, String> {
    opened.map_err(|error| format!("{error:?}"))
}

fn ways() -> Vec<Way> {
    [glance(), vec![service_fabric(), saved_views(), pingone(), azure_sphere()]].into_iter().flatten().collect()
}

fn glance() -> Vec<Way> {
    let glance_head = "200 OK\nx-openstack-request-id: req-1\ncontent-type: application/octet-stream";
    vec![
        Way {
            name: "Glance, checked",
            before: |_| Some(glance_shown("active")),
            head: glance_head,
            open: |transport, address| {
                Box::pin(async move {
                    let client = glance_client(transport, address);
                    let download =
                        client.download_image(ID.parse().unwrap(), DownloadStart::Beginning, Verify::Auto).await;
                    told(download).map(|download| download.body)
                })
            },
            knows_length: true,
        },
        Way {
            name: "Glance, as it comes",
            before: |_| None,
            head: glance_head,
            open: |transport, address| {
                Box::pin(async move {
                    let input = DownloadImageData { image_id: ID.to_owned(), ..DownloadImageData::default() };
                    let download = glance_client(transport, address).download_image_data(&input).await;
                    told(download).map(|(_, body)| body)
                })
            },
            knows_length: false,
        },
    ]
}

fn service_fabric() -> Way {
    Way {
        name: "Service Fabric",
        before: |_| Some(fabric_listing(BYTES.len())),
        head: "200 OK\ncontent-type: application/octet-stream",
        open: |transport, address| {
            Box::pin(async move {
                let download = fabric_client(transport, address).download_file("Images/a.vhd", 0).await;
                told(download).map(|(_, body)| body)
            })
        },
        knows_length: true,
    }
}

fn saved_views() -> Way {
    Way {
        name: "Saved Views",
        before: |address| Some(with_json("200 OK", &json!({"href": format!("http://{address}/picture")}))),
        head: "200 OK\ncontent-type: image/png",
        open: |transport, address| {
            Box::pin(async move {
                let client = SavedViewsClient::new(transport, base(address), Credential::none());
                let download = client.with_retry(leaping()).get_picture("a-view", PictureSize::Full).await;
                told(download).map(|download| download.body)
            })
        },
        knows_length: false,
    }
}

fn pingone() -> Way {
    Way {
        name: "PingOne",
        before: |address| {
            let href = format!("http://{address}/picture");
            let record = json!({"_links": {"self": {"href": "x"}, "environment": {"href": "x"}}, "id": ID,
                "environment": {"id": ID}, "createdAt": "2020-02-27T19:49:36.457Z",
                "targets": {"original": {"id": "original", "width": 1, "height": 1, "type": "png", "href": href}}});
            let head = "200 OK\ncorrelation-id: c-1\ncontent-type: application/json";
            Some(answer(head, &record.to_string()))
        },
        head: "200 OK\ncontent-type: image/png",
        open: |transport, address| {
            Box::pin(async move {
                let client = PingoneClient::new(transport, base(address), Credential::none());
                let download = client.with_retry(leaping()).download_picture(ID, ID).await;
                told(download).map(|(_, download)| download.body)
            })
        },
        knows_length: false,
    }
}

fn azure_sphere() -> Way {
    Way {
        name: "Azure Sphere",
        before: |address| {
            let uri = format!("http://{address}/package");
            let body = json!({"IsSuccess": true, "Uri": uri, "UriMessage": null});
            Some(with_json("200 OK", &body))
        },
        head: "200 OK\ncontent-type: application/octet-stream",
        open: |transport, address| {
            Box::pin(async move {
                let client = AzureSphereClient::new(transport, base(address), Credential::none());
                let download = client.with_retry(leaping()).download_package(ID, ID, 0).await;
                told(download).map(|download| download.body)
            })
        },
        knows_length: false,
    }
}

/// What comes of the body, and whether it ended well.
async fn read(mut body: Body) -> (Vec<u8>, bool) {
    let mut got = Vec::new();
    while let Some(piece) = body.data().await {
        let Ok(piece) = piece else {
            assert!(body.data().await.is_none(), "nothing follows a failure");
            return (got, false);
        };
        got.extend_from_slice(&piece);
    }
    (got, true)
}

/// Reads by `way` over connections that do `acts` when asked for the bytes.
async fn download(transport: &HyperTransport, way: &Way, acts: impl IntoIterator<Item = Vec<Act>>) -> (Vec<u8>, bool) {
    let server = Server::start([]).await;
    server.then((way.before)(server.address).map(whole));
    server.then(acts);
    let body = bounded((way.open)(transport.clone(), server.address)).await;
    let body = body.unwrap_or_else(|error| panic!("{}: {error}", way.name));
    let read = bounded(read(body)).await;
    server.finish();
    read
}

#[tokio::test]
async fn what_is_cut_has_no_good_end() {
    let transport = transport();
    for way in ways() {
        for bytes in [answer(way.head, BYTES), chunked(way.head, BYTES, 2), chunked(way.head, BYTES, 3)] {
            let head = head_length(&bytes).unwrap();
            let good = download(&transport, &way, [whole(bytes.clone())]).await;
            assert_eq!(good, (BYTES.as_bytes().to_vec(), true), "{}", way.name);
            // The heads are alike but for a line.
            let first = if bytes.ends_with(b"3\r\nabc\r\n0\r\n\r\n") { head } else { 0 };
            for kept in first..bytes.len() {
                let ends = if kept < head && kept % 16 > 0 { &[Act::Close][..] } else { &[Act::Close, Act::Reset] };
                for end in ends {
                    let context = format!("{}, {kept} of {}, {end:?}", way.name, bytes.len());
                    let acts = vec![Act::ReadAll, send(bytes[..kept].to_vec()), end.clone()];
                    if kept < head {
                        // Nothing has come yet, so the bytes are asked for again.
                        let got = download(&transport, &way, [acts, whole(bytes.clone())]).await;
                        assert_eq!(got, (BYTES.as_bytes().to_vec(), true), "{context}");
                        continue;
                    }
                    let (got, well) = download(&transport, &way, [acts]).await;
                    assert!(BYTES.as_bytes().starts_with(&got), "{context}: {got:?}");
                    // Once the last chunk has said that it is the last, or every promised byte has come, the rest is form.
                    assert!(!well || got == BYTES.as_bytes(), "{context}: {got:?}");
                    let framed = bytes[..kept].windows(3).any(|window| window == b"0\r\n");
                    assert!(!well || framed, "{context}");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_answer_without_a_length_is_short_if_the_length_is_known() {
    let transport = transport();
    for way in ways() {
        let head = format!("HTTP/1.0 {}\r\n\r\n", way.head.replace('\n', "\r\n"));
        for kept in 0..=BYTES.len() {
            let bytes = format!("{head}{}", &BYTES[..kept]);
            let (got, well) = download(&transport, &way, [whole(bytes.clone())]).await;
            if way.knows_length || kept == BYTES.len() {
                assert_eq!(well, kept == BYTES.len(), "{} {kept}: {got:?}", way.name);
            }
            // A reset is noticed in any case.
            let reset = vec![Act::ReadAll, send(bytes), Act::Reset];
            let (_, well) = download(&transport, &way, [reset]).await;
            assert!(!well, "{} {kept}", way.name);
        }
        if way.knows_length {
            let (got, well) = download(&transport, &way, [whole(format!("{head}{BYTES}and more"))]).await;
            assert!(!well && BYTES.as_bytes().starts_with(&got), "{}: {got:?}", way.name);
        }
    }
}

#[tokio::test]
async fn other_bytes_of_the_right_length_are_told() {
    let transport = transport();
    let way = &ways()[0];
    let (got, well) = download(&transport, way, [whole(answer(way.head, "abd"))]).await;
    assert!(!well && got.len() < BYTES.len(), "the last piece of wrong bytes is not given out");
}
