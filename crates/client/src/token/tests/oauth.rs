//! The exact request, and every answer that a token endpoint may give.

use pentaprism_core::BodyError;

use super::super::tests::{Hand, end, only, service, words};
use super::*;
use crate::transport::{InProcess, TransportError};

const ENDPOINT: &str = "https://login.example/connect/token?tenant=1";

async fn answered(status: u16, body: &'static str) -> Result<Token, TokenError> {
    let (transport, _) = service(status, &[], body);
    let provider = ClientCredentials::new(transport, ENDPOINT, "client", "s3cret").unwrap();
    provider.with_clock(Hand::at(1000)).token(None).await
}

#[tokio::test]
async fn the_secret_goes_into_the_header() {
    let (transport, seen) = service(200, &[], r#"{"access_token":"t0ken","token_type":"bearer","expires_in":3600}"#);
    let provider = ClientCredentials::new(transport, ENDPOINT, "client a", "s3cret:&").unwrap();
    let provider = provider.with_scope("image:read image:write").with_parameter("audience", "https://a.example/ü");
    let token = provider.with_clock(Hand::at(1000)).token(None).await.unwrap();
    assert_eq!((token.secret(), end(&token)), ("t0ken", Some(4600)));
    // Y2xpZW50K2E6czNjcmV0JTNBJTI2 is client+a:s3cret%3A%26.
    let expected = "POST https://login.example/connect/token?tenant=1\n\
        accept: application/json\n\
        content-type: application/x-www-form-urlencoded\n\
        authorization: Basic Y2xpZW50K2E6czNjcmV0JTNBJTI2\n\
        host: login.example\n\
        grant_type=client_credentials&scope=image%3Aread+image%3Awrite&audience=https%3A%2F%2Fa.example%2F%C3%BC";
    assert_eq!(only(&seen), expected);
}

#[tokio::test]
async fn the_secret_goes_into_the_body_where_that_is_wanted() {
    let (transport, seen) = service(200, &[], r#"{"access_token":"t0ken","expires_in":"60"}"#);
    let provider = ClientCredentials::new(transport, "http://127.0.0.1:1/token", "client", "s3 cret=").unwrap();
    let provider = provider.with_secret_in_body().with_parameter("resource", "https://storage.example");
    assert_eq!(end(&provider.with_clock(Hand::at(1000)).token(None).await.unwrap()), Some(1060));
    let expected = "POST http://127.0.0.1:1/token\n\
        accept: application/json\n\
        content-type: application/x-www-form-urlencoded\n\
        host: 127.0.0.1:1\n\
        grant_type=client_credentials&resource=https%3A%2F%2Fstorage.example&client_id=client&client_secret=s3+cret%3D";
    assert_eq!(only(&seen), expected);
}

#[test]
fn a_secret_does_not_travel_in_the_clear() {
    let made = |endpoint| ClientCredentials::new(Away, endpoint, "client", "s3cret").err();
    for good in ["https://a.example/t", "http://localhost:1/t", "http://127.0.0.1/t", "http://[::1]:2/t"] {
        assert_eq!(made(good), None, "{good}");
    }
    for clear in ["http://a.example/t", "http://10.0.0.1/t", "http://localhost.example/t"] {
        assert_eq!(made(clear), Some(InvalidTokenEndpoint::Insecure), "{clear}");
    }
    for wrong in ["a.example/t", "https://user:s3cret@a.example/t", "", "ftp://a.example"] {
        assert_eq!(made(wrong), Some(InvalidTokenEndpoint::Address), "{wrong}");
    }
}

#[tokio::test]
async fn a_documented_refusal_is_typed_and_holds_no_secret() {
    let body = r#"{"error":"invalid_client","error_description":"The secret s3cret is\u001b[2J wrong"}"#;
    let error = answered(401, body).await.unwrap_err();
    let said = "the token endpoint at login.example gave no token | \
        it refused with invalid_client: The secret … is\\u{1b}[2J wrong";
    assert_eq!(words(&error), said);
    let TokenError::ClientCredentials { source: ClientCredentialsError::Refused { status, code, .. }, .. } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!((status.as_u16(), code.as_str()), (401, "invalid_client"));
    assert!(!format!("{error:?}").contains("s3cret"));
    assert!(error.is_refusal() && error.exchange().is_none());
    let away = answered(503, r#"{"error":"temporarily_unavailable"}"#).await.unwrap_err();
    assert!(!away.is_refusal());
    let error = answered(400, r#"{"error":"invalid_scope"}"#).await.unwrap_err();
    assert!(words(&error).ends_with("| it refused with invalid_scope"), "{}", words(&error));
}

#[tokio::test]
async fn an_undocumented_answer_is_told_without_its_words() {
    let answers = [
        (200, "<html>t0ken</html>"),
        (200, r#"{"token":"t0ken"}"#),
        (200, r#"{"access_token":""}"#),
        (200, r#"{"access_token":["t0ken"]}"#),
        (200, r#"["t0ken"]"#),
        (302, "t0ken"),
        (502, "<html>t0ken</html>"),
        (400, r#"{"message":"t0ken"}"#),
    ];
    for (status, body) in answers {
        let error = answered(status, body).await.unwrap_err();
        let said = words(&error);
        assert!(said.contains("it gave an undocumented answer with status") && !said.contains("t0ken"), "{said}");
        assert!(!format!("{error:?}").contains("t0ken"));
    }
    let error = answered(200, r#"{"access_token":"t0ken","token_type":"DPoP"}"#).await.unwrap_err();
    assert!(words(&error).ends_with("it gave a token of the kind DPoP; only bearer tokens are understood"));
}

#[tokio::test]
async fn a_token_without_an_end_has_none() {
    assert_eq!(end(&answered(200, r#"{"access_token":"t","token_type":"Bearer"}"#).await.unwrap()), None);
    assert_eq!(end(&answered(200, r#"{"access_token":"t","expires_in":-1}"#).await.unwrap()), None);
}

/// A transport that finds nobody.
struct Away;

impl Transport for Away {
    async fn call(&self, _: Request<Body>) -> Result<http::Response<Body>, TransportError> {
        Err(TransportError::not_sent("nobody listens"))
    }
}

#[tokio::test]
async fn no_answer_is_told() {
    let provider = ClientCredentials::new(Away, ENDPOINT, "client", "s3cret").unwrap();
    let error = provider.token(None).await.unwrap_err();
    let TokenError::ClientCredentials { source: ClientCredentialsError::Exchange(source), .. } = &error else {
        panic!("{error:?}")
    };
    assert!(matches!(source, ExchangeError::Transport(transport) if !transport.was_sent()));
    assert!(error.exchange().is_some() && !error.is_refusal());
    assert!(
        words(&error).contains("| the token cannot be asked for | the service cannot be reached |"),
        "{}",
        words(&error)
    );

    let silent = InProcess(|_| std::future::pending());
    let provider = ClientCredentials::new(silent, ENDPOINT, "client", "s3cret").unwrap();
    let clock = Hand::impatient();
    let error = provider.with_clock(clock.clone()).token(None).await.unwrap_err();
    assert!(words(&error).ends_with("no answer came within 30 seconds"), "{}", words(&error));
    assert_eq!(*clock.pauses.lock().unwrap(), [Duration::from_secs(30)]);
}

#[tokio::test]
async fn an_answer_has_an_end() {
    let endless = InProcess(|_| async { http::Response::new(Body::from(vec![b' '; 4 * 1024 * 1024 + 1])) });
    let provider = ClientCredentials::new(endless, ENDPOINT, "client", "s3cret").unwrap();
    let error = provider.token(None).await.unwrap_err();
    let TokenError::ClientCredentials {
        source: ClientCredentialsError::Exchange(ExchangeError::Answer(source)), ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert!(matches!(*source, BodyError::TooLarge { .. }));
}

#[test]
fn debug_shows_no_secret() {
    let provider = ClientCredentials::new(Away, ENDPOINT, "client", "s3cret").unwrap();
    let shown = format!("{:?}", provider.with_secret_in_body());
    assert!(shown.contains("login.example") && !shown.contains("s3cret"), "{shown}");
}
