//! Which version of HTTP is spoken, to which address, and for how long is waited.

use std::net::SocketAddr;
use std::time::Duration;

use pentaprism_client::{ConnectError, HyperTransport};
use pentaprism_core::Body;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::support::{Authority, Server, get, send, server_config, told, trusting};

#[tokio::test]
async fn the_service_chooses_the_version_over_tls() {
    let authority = Authority::new("own");
    let pair = authority.certify(&["127.0.0.1"]);
    let transport = trusting(&authority).build().unwrap();
    let cases: [(&[&str], &str); 4] = [
        (&["h2", "http/1.1"], "HTTP/2.0"),
        (&["http/1.1", "h2"], "HTTP/1.1"),
        (&["http/1.1"], "HTTP/1.1"),
        (&[], "HTTP/1.1"),
    ];
    for (protocols, version) in cases {
        let server = Server::encrypted(server_config(&pair, None, protocols)).await;
        let url = format!("https://{}/a?b=c", server.address);
        let said = send(&transport, "PUT", &url, Body::from(vec![7; 300_000])).await.unwrap();
        assert!(said.starts_with(version) && said.ends_with("body=300000"), "{protocols:?}: {said}");
    }
}

#[tokio::test]
async fn http2_without_tls_is_spoken_on_demand_only() {
    let server = Server::plain_http2().await;
    let url = format!("http://{}/a", server.address);
    let transport = || trusting(&Authority::new("own"));
    let said = get(&transport().http2_with_prior_knowledge().build().unwrap(), &url).await.unwrap();
    assert!(said.starts_with("HTTP/2.0 GET http://"), "{said}");
    get(&transport().build().unwrap(), &url).await.unwrap_err();
}

#[tokio::test]
async fn an_ipv6_address_is_reached_and_certified() {
    let authority = Authority::new("own");
    let transport = trusting(&authority).build().unwrap();
    let config = server_config(&authority.certify(&["::1"]), None, &["h2"]);
    let encrypted = Server::listen("[::1]:0", Some(config), false).await;
    let said = get(&transport, &format!("https://[::1]:{}/a", encrypted.address.port())).await.unwrap();
    assert!(said.starts_with("HTTP/2.0 GET https://[::1]:"), "{said}");
    let plain = Server::listen("[::1]:0", None, false).await;
    let said = get(&transport, &format!("http://[::1]:{}/a", plain.address.port())).await.unwrap();
    assert!(said.contains(&format!(" host=[::1]:{} ", plain.address.port())), "{said}");
}

#[tokio::test]
async fn a_refused_connection_is_no_sent_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let transport = trusting(&Authority::new("own")).build().unwrap();
    let error = get(&transport, &format!("http://{address}/")).await.unwrap_err();
    assert!(!error.was_sent() && !error.is_lasting(), "{}", told(&error));
    assert!(matches!(error.connect_error(), Some(ConnectError::Unreachable { to, .. }) if *to == address.to_string()));
    assert!(told(&error).starts_with(&format!("no connection could be made: {address} cannot be reached: ")));
}

/// A listener that takes no connection: its queue is full with the returned ones. The clock is paused: a connection on this
/// machine is there at once or not at all, and then the clock runs ahead.
async fn full_listener() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_secs(1), TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    (address, listener, waiting)
}

#[tokio::test(start_paused = true)]
async fn a_connection_has_a_deadline() {
    let (address, _listener, _waiting) = full_listener().await;
    let authority = Authority::new("own");
    let deadline = Duration::from_millis(2500);
    let transport = trusting(&authority).connect_deadline(deadline).build().unwrap();
    let error = get(&transport, &format!("http://{address}/")).await.unwrap_err();
    assert!(!error.was_sent(), "{}", told(&error));
    assert!(matches!(error.connect_error(), Some(ConnectError::TooSlow { after, .. }) if *after == deadline));
    assert_eq!(
        told(&error),
        format!("no connection could be made: no connection to {address} came about within 2.5 seconds")
    );
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_for_tls_as_well() {
    // The system takes the connection, and nobody says a word.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let deadline = Duration::from_millis(2500);
    let transport = trusting(&Authority::new("own")).connect_deadline(deadline).build().unwrap();
    let error = get(&transport, &format!("https://{address}/")).await.unwrap_err();
    assert!(!error.was_sent(), "{}", told(&error));
    assert!(matches!(error.connect_error(), Some(ConnectError::TooSlow { .. })), "{}", told(&error));
}

#[tokio::test]
async fn connections_are_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let transport = HyperTransport::new().unwrap();
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
        // One connection is taken, and every request must come over it.
        let (stream, _) = listener.accept().await.unwrap();
        let mut lines = BufReader::new(stream);
        for _ in 0..2 {
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                lines.read_line(&mut line).await.unwrap();
            }
            lines.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        }
    });
    for _ in 0..2 {
        assert_eq!(get(&transport, &format!("http://{address}/")).await.unwrap(), "ok");
    }
    server.await.unwrap();
}
