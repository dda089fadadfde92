//! Whom the transport trusts, and who it says that it is.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pentaprism_client::{ConnectError, HyperTransport, TlsError};
use pentaprism_core::Body;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

use crate::support::{Authority, Pair, Server, get, send, server_config, told, trusting};

/// A key that nothing but these tests trusts, in the form that OpenSSL wrote for decades (PKCS #1).
const RSA: &str = include_str!("rsa.pem");

async fn server(pair: &Pair, clients: Option<&Authority>) -> Server {
    Server::encrypted(server_config(pair, clients, &["http/1.1"])).await
}

fn url(server: &Server, host: &str) -> String {
    format!("https://{host}:{}/", server.address.port())
}

#[tokio::test]
async fn several_own_authorities_are_trusted() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let bundle = format!("# The two of us.\n{}\n{}", first.pem, second.pem);
    let transport = HyperTransport::builder().root_certificates(bundle.as_bytes()).unwrap().build().unwrap();
    for authority in [&first, &second] {
        let server = server(&authority.certify(&["127.0.0.1"]), None).await;
        let said = get(&transport, &url(&server, "127.0.0.1")).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 GET /"), "{said}");
    }
}

#[tokio::test]
async fn a_foreign_authority_is_not_trusted_and_nothing_is_sent() {
    let authority = Authority::new("own");
    let foreign = server(&Authority::new("foreign").certify(&["127.0.0.1"]), None).await;
    let transport = trusting(&authority).build().unwrap();
    let error = get(&transport, &url(&foreign, "127.0.0.1")).await.unwrap_err();
    assert!(!error.was_sent() && !error.is_local() && error.is_lasting());
    assert_eq!(
        told(&error),
        format!(
            "no connection could be made: nothing was sent, as the certificate of {} is not trusted: it is signed by nobody \
             who is trusted here; add the root certificate of its authority if that is a mistake: invalid peer certificate: \
             UnknownIssuer",
            foreign.address
        )
    );
    assert!(foreign.seen().is_empty());
}

#[tokio::test]
async fn a_certificate_for_another_name_or_time_is_not_trusted() {
    let authority = Authority::new("own");
    let transport = trusting(&authority).build().unwrap();
    let other = server(&authority.certify(&["other.test", "192.0.2.1"]), None).await;
    let error = get(&transport, &url(&other, "127.0.0.1")).await.unwrap_err();
    assert!(told(&error).contains("it is not for this name, but for other.test, 192.0.2.1: "), "{}", told(&error));
    let mut past = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    past.not_before = date_time_ymd(2001, 1, 1);
    past.not_after = date_time_ymd(2002, 1, 1);
    let past = server(&authority.sign(&past, &KeyPair::generate().unwrap()), None).await;
    let error = get(&transport, &url(&past, "127.0.0.1")).await.unwrap_err();
    assert!(told(&error).contains("is not trusted: it has expired: "), "{}", told(&error));
    assert!(other.seen().is_empty() && past.seen().is_empty());
}

#[tokio::test]
async fn a_service_without_tls_is_named_as_such() {
    let plain = Server::plain().await;
    let transport = trusting(&Authority::new("own")).build().unwrap();
    let error = get(&transport, &url(&plain, "127.0.0.1")).await.unwrap_err();
    assert!(matches!(error.connect_error(), Some(ConnectError::Tls { plain: true, .. })), "{}", told(&error));
    assert!(told(&error).contains("it answers without TLS; is it `http:`?"), "{}", told(&error));
}

#[tokio::test]
async fn a_client_certificate_lets_in_and_nothing_else_does() {
    let (authority, operators) = (Authority::new("own"), Authority::new("operators"));
    let fabric = server(&authority.certify(&["127.0.0.1"]), Some(&operators)).await;
    let url = url(&fabric, "127.0.0.1");
    let with = |pair: &Pair| {
        let (certificate, key) = (pair.certificate.as_bytes(), pair.key.as_bytes());
        trusting(&authority).client_certificate(certificate, key).build().unwrap()
    };
    let operator = operators.certify(&["operator.test"]);
    get(&with(&operator), &url).await.unwrap();
    let both = format!("{}{}", operator.key, operator.certificate);
    get(&with(&Pair { certificate: both.clone(), key: both }), &url).await.unwrap();
    assert_eq!(fabric.seen().len(), 2);

    let error = get(&trusting(&authority).build().unwrap(), &url).await.unwrap_err();
    assert!(!error.was_sent() && error.is_lasting(), "{}", told(&error));
    assert!(told(&error).contains("it demands a client certificate; give one"), "{}", told(&error));

    let stranger = Authority::new("strangers").certify(&["stranger.test"]);
    let error = get(&with(&stranger), &url).await.unwrap_err();
    assert!(!error.was_sent() && error.is_lasting(), "{}", told(&error));
    assert!(
        told(&error).contains("does not let this client in: the client certificate is signed by nobody whom it trusts"),
        "{}",
        told(&error)
    );
    assert_eq!(fabric.seen().len(), 2, "nobody else was heard");
}

#[tokio::test]
async fn an_upload_without_the_demanded_certificate_is_told_why_it_failed() {
    let (authority, operators) = (Authority::new("own"), Authority::new("operators"));
    let pair = authority.certify(&["127.0.0.1"]);
    let transport = trusting(&authority).build().unwrap();
    for protocols in [["h2"], ["http/1.1"]] {
        let fabric = Server::encrypted(server_config(&pair, Some(&operators), &protocols)).await;
        let body = Body::from(vec![7; 8 * 1024 * 1024]);
        let error = send(&transport, "PUT", &url(&fabric, "127.0.0.1"), body).await.unwrap_err();
        assert!(!error.was_sent() && error.is_lasting(), "{protocols:?}: {}", told(&error));
        assert!(told(&error).contains("it demands a client certificate; give one"), "{}", told(&error));
        assert!(fabric.seen().is_empty());
    }
}

#[tokio::test]
async fn keys_are_read_in_each_of_their_forms() {
    let (authority, operators) = (Authority::new("own"), Authority::new("operators"));
    let fabric = server(&authority.certify(&["127.0.0.1"]), Some(&operators)).await;
    let url = url(&fabric, "127.0.0.1");

    let elliptic = KeyPair::generate().unwrap();
    let pkcs8 = operators.certify_key(&["operator.test"], &elliptic);
    // PKCS #8 wraps the other two forms: for P-256 and for an RSA key of 2048 bits, in as many bytes.
    let sec1 = pem("EC PRIVATE KEY", &elliptic.serialize_der()[29..]);
    let PrivateKeyDer::Pkcs1(inner) = PrivateKeyDer::from_pem_slice(RSA.as_bytes()).unwrap() else { unreachable!() };
    let inner = inner.secret_pkcs1_der();
    let outer = pem("PRIVATE KEY", &wrapped(inner));
    let rsa = KeyPair::from_pkcs8_pem_and_sign_algo(&outer, &PKCS_RSA_SHA256).unwrap();
    let rsa = operators.certify_key(&["operator.test"], &rsa);

    for (certificate, key) in
        [(&pkcs8.certificate, &pkcs8.key), (&pkcs8.certificate, &sec1), (&rsa.certificate, &RSA.to_owned())]
    {
        let builder = trusting(&authority).client_certificate(certificate.as_bytes(), key.as_bytes());
        get(&builder.build().unwrap(), &url).await.unwrap();
    }
    assert_eq!(fabric.seen().len(), 3);
}

/// An RSA key of PKCS #1 in the envelope of PKCS #8.
fn wrapped(key: &[u8]) -> Vec<u8> {
    let length = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    let algorithm = b"\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00".as_slice();
    let inner = [b"\x04\x82", length(key.len()).as_slice(), key].concat();
    let whole = [algorithm, &inner].concat();
    [b"\x30\x82", length(whole.len()).as_slice(), &whole].concat()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}

#[test]
fn what_is_wrong_with_certificates_and_keys_is_said_with_what_helps() {
    let authority = Authority::new("own");
    let (pair, other) = (authority.certify(&["a.test"]), authority.certify(&["b.test"]));
    let root = |text: &str| HyperTransport::builder().root_certificates(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        root("\u{1}\u{2}"),
        "the file of root certificates is not PEM, as it has no line `-----BEGIN ...-----`; for a file in DER: `openssl x509 \
         -inform der -in FILE`"
    );
    assert!(root(&pair.key).starts_with("no certificate is in the file of root certificates; give a file with"));
    assert!(
        root(&authority.pem[..200]).starts_with("the file of root certificates is broken PEM; give the whole file")
    );
    let broken = format!("{}{}", authority.pem, pem("CERTIFICATE", b"\x30\x01"));
    assert!(root(&broken).starts_with("certificate 2 of the file of root certificates is none that can be used"));

    let client = |certificate: &str, key: &str| {
        let builder = trusting(&authority).client_certificate(certificate.as_bytes(), key.as_bytes());
        builder.build().unwrap_err()
    };
    assert!(matches!(client("", &pair.key), TlsError::NotPem { what: "client certificate" }));
    assert!(client(&pair.certificate, "x").to_string().ends_with("`openssl pkey -inform der -in FILE`"));
    assert!(matches!(client(&pair.key, &pair.key), TlsError::NoCertificate { .. }));
    assert!(matches!(client(&pair.certificate, &pair.certificate), TlsError::NoKey));
    let locked = pem("ENCRYPTED PRIVATE KEY", b"secret");
    assert_eq!(
        client(&pair.certificate, &locked).to_string(),
        "the client certificate's key is locked with a password, and there is no one to ask; unlock it: `openssl pkey -in \
         FILE`"
    );
    let locked = RSA.replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1);
    assert!(matches!(client(&pair.certificate, &locked), TlsError::LockedKey));
    assert_eq!(
        client(&pair.certificate, &other.key).to_string(),
        "the client certificate's key does not fit the certificate; give the key that it was made for, and that certificate \
         first"
    );
    assert!(matches!(client(&pair.certificate, &pem("PRIVATE KEY", b"none")), TlsError::UnusableKey(_)));
    assert!(matches!(HyperTransport::builder().only_these_roots().build(), Err(TlsError::NoRoots)));
}

#[test]
fn keys_are_not_shown() {
    let authority = Authority::new("own");
    let pair = authority.certify(&["a.test"]);
    let builder = trusting(&authority).client_certificate(pair.certificate.as_bytes(), pair.key.as_bytes());
    assert!(format!("{builder:?}").contains("[secret key elided]"));
    let transport = format!("{:?}", builder.build().unwrap());
    assert!(transport.starts_with("HyperTransport"), "{transport}");
}
