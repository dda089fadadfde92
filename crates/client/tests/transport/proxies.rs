//! The ways through proxies.

use std::ffi::OsString;

use pentaprism_client::{ConnectError, Proxies};
use pentaprism_core::Body;

use crate::support::{Authority, Server, get, proxy, send, server_config, told, trusting};

/// `Aladdin` and `open sesame`, as RFC 7617 has it.
const SHOWN: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
const USER: &str = "Aladdin:open%20sesame";

type Variables<'a> = &'a [(&'a str, &'a str)];

fn environment(variables: Variables) -> Proxies {
    Proxies::from_environment(variables.iter().map(|&(name, value)| (OsString::from(name), OsString::from(value))))
}

#[tokio::test]
async fn http_is_forwarded_with_the_whole_uri() {
    let (authority, server, proxy) = (Authority::new("own"), Server::plain().await, proxy(Some(SHOWN)).await);
    let port = server.address.port();
    let proxies = environment(&[("HTTP_PROXY", &format!("http://{USER}@{}", proxy.address))]);
    let transport = trusting(&authority).proxies(proxies).build().unwrap();
    let url = format!("http://service.test:{port}/a?b=c");
    let said = send(&transport, "PUT", &url, Body::from("seven")).await.unwrap();
    assert_eq!(said, format!("HTTP/1.1 PUT {url} host=service.test:{port} proxy={SHOWN} body=5"));
    assert_eq!(proxy.seen(), [format!("PUT {url} HTTP/1.1 proxy={SHOWN}")]);
}

#[tokio::test]
async fn https_goes_through_a_tunnel_that_shows_the_service_nothing_of_the_proxy() {
    let (authority, proxy) = (Authority::new("own"), proxy(Some(SHOWN)).await);
    let pair = authority.certify(&["service.test"]);
    for (protocols, version) in [(["h2"], "HTTP/2.0"), (["http/1.1"], "HTTP/1.1")] {
        let server = Server::encrypted(server_config(&pair, None, &protocols)).await;
        let port = server.address.port();
        let proxies = environment(&[("https_proxy", &format!("{USER}@{}", proxy.address))]);
        let transport = trusting(&authority).proxies(proxies).build().unwrap();
        let said = get(&transport, &format!("https://service.test:{port}/a")).await.unwrap();
        assert!(said.starts_with(version) && said.contains(" proxy=- "), "{said}");
        let asked = proxy.seen();
        assert_eq!(asked.last().unwrap(), &format!("CONNECT service.test:{port} HTTP/1.1 proxy={SHOWN}"));
    }
}

#[tokio::test]
async fn http2_with_prior_knowledge_goes_through_a_tunnel() {
    let (server, proxy) = (Server::plain_http2().await, proxy(Some(SHOWN)).await);
    let proxies = environment(&[("ALL_PROXY", &format!("http://{USER}@{}", proxy.address))]);
    let builder = trusting(&Authority::new("own")).http2_with_prior_knowledge();
    let transport = builder.proxies(proxies).build().unwrap();
    let port = server.address.port();
    let said = get(&transport, &format!("http://service.test:{port}/a")).await.unwrap();
    assert!(said.starts_with("HTTP/2.0") && said.contains(" proxy=- "), "{said}");
    assert_eq!(proxy.seen(), [format!("CONNECT service.test:{port} HTTP/1.1 proxy={SHOWN}")]);
}

#[tokio::test]
async fn an_encrypted_proxy_is_trusted_as_services_are() {
    let authority = Authority::new("own");
    let server = Server::encrypted(server_config(&authority.certify(&["127.0.0.1"]), None, &["http/1.1"])).await;
    // It answers requests itself: what a proxy does with them is not looked at here, but how it is spoken to.
    let proxies = || environment(&[("http_proxy", &format!("https://{USER}@{}", server.address))]);
    let transport = trusting(&authority).proxies(proxies()).build().unwrap();
    let said = get(&transport, "http://service.test/a").await.unwrap();
    assert_eq!(said, format!("HTTP/1.1 GET http://service.test/a host=service.test proxy={SHOWN} body=0"));
    let transport = trusting(&Authority::new("foreign")).proxies(proxies()).build().unwrap();
    let error = get(&transport, "http://service.test/a").await.unwrap_err();
    let wanted = format!("nothing was sent, as the certificate of {} is not trusted", server.address);
    assert!(told(&error).contains(&wanted), "{}", told(&error));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn no_proxy_leads_straight_to_the_service() {
    let (server, proxy) = (Server::plain().await, proxy(None).await);
    let url = format!("http://{}/a", server.address);
    let through = format!("http://{}", proxy.address);
    for (excepted, ways) in [("localhost, 127.0.0.0/8", 0), ("*", 0), ("service.test,127.0.0.2", 1), ("", 1)] {
        let before = proxy.seen().len();
        let proxies = environment(&[("HTTP_PROXY", &through), ("NO_PROXY", excepted)]);
        let transport = trusting(&Authority::new("own")).proxies(proxies).build().unwrap();
        get(&transport, &url).await.unwrap();
        assert_eq!(proxy.seen().len() - before, ways, "NO_PROXY={excepted}");
    }
    let transport = trusting(&Authority::new("own")).build().unwrap();
    get(&transport, &url).await.unwrap();
    assert_eq!(proxy.seen().len(), 2, "without proxies there is none");
}

#[tokio::test]
async fn variables_have_an_order_and_cgi_takes_one_away() {
    let (server, first, second) = (Server::plain().await, proxy(None).await, proxy(None).await);
    let url = format!("http://{}/a", server.address);
    let [one, other] = [&first, &second].map(|proxy| format!("http://{}", proxy.address));
    let cases: [(Variables, [usize; 2]); 6] = [
        (&[("HTTP_PROXY", &other), ("http_proxy", &one)], [1, 0]),
        (&[("ALL_PROXY", &other), ("HTTP_PROXY", &one)], [1, 0]),
        (&[("ALL_PROXY", &one), ("HTTP_PROXY", "")], [1, 0]),
        (&[("HTTPS_PROXY", &other)], [0, 0]),
        (&[("HTTP_PROXY", &one), ("REQUEST_METHOD", "GET")], [0, 0]),
        (&[("HTTP_PROXY", &one), ("http_proxy", &other), ("REQUEST_METHOD", "GET")], [0, 1]),
    ];
    for (variables, ways) in cases {
        let before = [&first, &second].map(|proxy| proxy.seen().len());
        let transport = trusting(&Authority::new("own")).proxies(environment(variables)).build().unwrap();
        get(&transport, &url).await.unwrap();
        let after = [&first, &second].map(|proxy| proxy.seen().len());
        assert_eq!([after[0] - before[0], after[1] - before[1]], ways, "{variables:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    let (authority, proxy) = (Authority::new("own"), proxy(Some(SHOWN)).await);
    let proxies = environment(&[("ALL_PROXY", &format!("http://Aladdin:guessed@{}", proxy.address))]);
    let debug = format!("{proxies:?}");
    assert!(debug.contains(&proxy.address.to_string()) && !debug.contains("guessed"), "{debug}");
    let transport = trusting(&authority).proxies(proxies).build().unwrap();
    let error = get(&transport, "https://service.test/a").await.unwrap_err();
    assert!(!error.was_sent());
    assert!(matches!(error.connect_error(), Some(ConnectError::Proxy { .. })));
    let (told, debug) = (told(&error), format!("{error:?} {transport:?}"));
    assert!(told.contains(&format!("no way to service.test:443 through the proxy {}", proxy.address)), "{told}");
    assert!(told.contains("proxy authorization required"), "{told}");
    // `Aladdin:guessed`, as it is shown to the proxy.
    for secret in ["guessed", "QWxhZGRpbjpndWVzc2Vk"] {
        assert!(!told.contains(secret) && !debug.contains(secret), "{told} {debug}");
    }
}

#[tokio::test]
async fn a_variable_that_names_no_proxy_fails_what_would_have_gone_there() {
    let server = Server::plain().await;
    let url = format!("http://{}/a", server.address);
    for value in ["http://user:pass/word@proxy.test", "ftp://proxy.test", "socks5://proxy.test", "http://"] {
        let proxies = environment(&[("HTTP_PROXY", value), ("NO_PROXY", "localhost")]);
        let transport = trusting(&Authority::new("own")).proxies(proxies).build().unwrap();
        let error = get(&transport, &url).await.unwrap_err();
        assert!(!error.was_sent() && error.is_lasting(), "{value}");
        assert!(matches!(error.connect_error(), Some(ConnectError::UnusableProxy { variable: "HTTP_PROXY", .. })));
        assert!(!told(&error).contains("pass/word"), "{}", told(&error));
        let proxies = environment(&[("HTTP_PROXY", value), ("NO_PROXY", "127.0.0.1")]);
        let transport = trusting(&Authority::new("own")).proxies(proxies).build().unwrap();
        get(&transport, &url).await.unwrap();
    }
    assert_eq!(server.seen().len(), 4);
}
