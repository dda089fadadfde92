//! The exact log-in for each method and scope, and every answer that Keystone may give.

use serde_json::json;

use super::super::login::{Domain, Reference};
use super::super::tests::{Hand, end, only, service, words};
use super::super::{EndpointError, Interface};
use super::*;
use crate::{Cached, Credential, InProcess};

const AUTH: &str = "https://cloud.example:5000/v3";

const ISSUED: &str = r#"{"token":{"methods":["password"],"user":{"id":"u1","name":"ann","domain":{"id":"default","name":"Default"}},
    "project":{"id":"p1","name":"demo","domain":{"id":"default","name":"Default"}},"roles":[{"id":"r","name":"member"}],
    "catalog":[{"type":"image","name":"glance","id":"g","endpoints":[
        {"id":"e","interface":"public","region":"RegionOne","region_id":"RegionOne","url":"https://image.example/v2"}]}],
    "issued_at":"2026-11-20T23:42:39.000000Z","expires_at":"2026-11-21T00:42:39.000000Z","audit_ids":["x"],"is_domain":false}}"#;

fn ann() -> Login {
    Login::password(Reference::named("ann", Domain::default()), "s3cret")
}

/// The body of the log-in.
async fn sent(login: Login, scope: Scope) -> Value {
    let (transport, seen) = service(201, &[(SUBJECT_TOKEN, "t0ken")], ISSUED);
    Keystone::new(transport, AUTH, login).unwrap().with_scope(scope).log_in().await.unwrap();
    serde_json::from_str(only(&seen).lines().last().unwrap()).unwrap()
}

async fn answered(
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: &'static str,
) -> Result<Issued, TokenError> {
    let (transport, _) = service(status, headers, body);
    Keystone::new(transport, AUTH, ann()).unwrap().log_in().await
}

#[tokio::test]
async fn a_password_logs_in_for_a_project() {
    let (transport, seen) = service(201, &[(SUBJECT_TOKEN, "t0ken")], ISSUED);
    let keystone = Keystone::new(transport, AUTH, ann()).unwrap();
    let project = Reference::named("demo", Domain::Name("Default".to_owned()));
    let issued = keystone.with_scope(Scope::Project(project)).log_in().await.unwrap();
    assert_eq!((issued.token().secret(), end(issued.token())), ("t0ken", Some(1_795_221_759)));
    assert_eq!((issued.user_id(), issued.project_id()), (Some("u1"), Some("p1")));
    let base = issued.catalog().endpoint("image", Some("RegionOne"), Interface::Public);
    assert_eq!(base, Ok("https://image.example".parse().unwrap()));
    let expected = "POST https://cloud.example:5000/v3/auth/tokens\n\
        accept: application/json\n\
        content-type: application/json\n\
        host: cloud.example:5000\n\
        {\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"ann\",\"domain\":{\"id\":\"default\"},\
        \"password\":\"s3cret\"}}},\"scope\":{\"project\":{\"name\":\"demo\",\"domain\":{\"name\":\"Default\"}}}}}";
    assert_eq!(only(&seen), expected);
}

#[tokio::test]
async fn each_method_and_scope_has_its_form() {
    let user = json!({ "methods": ["password"], "password": { "user": { "id": "u1", "password": "s3cret" } } });
    let scopes = [
        (Scope::Unscoped, json!("unscoped")),
        (Scope::Project(Reference::id("p1")), json!({ "project": { "id": "p1" } })),
        (Scope::Domain(Domain::Id("d1".to_owned())), json!({ "domain": { "id": "d1" } })),
        (Scope::Domain(Domain::Name("D".to_owned())), json!({ "domain": { "name": "D" } })),
        (Scope::System, json!({ "system": { "all": true } })),
    ];
    for (scope, expected) in scopes {
        let body = sent(Login::password(Reference::id("u1"), "s3cret"), scope).await;
        assert_eq!(body, json!({ "auth": { "identity": user, "scope": expected } }));
    }
    let body = sent(Login::password(Reference::id("u1"), "s3cret"), Scope::Unsaid).await;
    assert_eq!(body, json!({ "auth": { "identity": user } }));

    // An application credential has its scope.
    let project = || Scope::Project(Reference::id("p1"));
    let body = sent(Login::application_credential("c1", "s3cret"), project()).await;
    let identity =
        json!({ "methods": ["application_credential"], "application_credential": { "id": "c1", "secret": "s3cret" } });
    assert_eq!(body, json!({ "auth": { "identity": identity } }));
    let login = Login::application_credential_of(Reference::named("ann", Domain::default()), "ci", "s3cret");
    let details = json!({ "name": "ci", "user": { "name": "ann", "domain": { "id": "default" } }, "secret": "s3cret" });
    let identity = json!({ "methods": ["application_credential"], "application_credential": details });
    assert_eq!(sent(login, Scope::Unsaid).await, json!({ "auth": { "identity": identity } }));

    let body = sent(Login::token("old"), project()).await;
    let identity = json!({ "methods": ["token"], "token": { "id": "old" } });
    assert_eq!(body, json!({ "auth": { "identity": identity, "scope": { "project": { "id": "p1" } } } }));
}

#[tokio::test]
async fn the_version_at_the_end_of_the_address_may_be_left_out() {
    let addresses = [
        ("https://a.example:5000", "https://a.example:5000/v3/auth/tokens"),
        ("https://a.example:5000/", "https://a.example:5000/v3/auth/tokens"),
        ("https://a.example:5000/v3", "https://a.example:5000/v3/auth/tokens"),
        ("https://a.example/identity/v3/", "https://a.example/identity/v3/auth/tokens"),
        ("http://a.example/identity", "http://a.example/identity/v3/auth/tokens"),
    ];
    for (address, expected) in addresses {
        let (transport, seen) = service(201, &[(SUBJECT_TOKEN, "t0ken")], ISSUED);
        Keystone::new(transport, address, ann()).unwrap().log_in().await.unwrap();
        assert_eq!(only(&seen).lines().next(), Some(format!("POST {expected}").as_str()));
    }
    let made = |address| Keystone::new(service(201, &[], "").0, address, ann()).err();
    assert_eq!(made("https://a.example/v2.0/"), Some(InvalidAuthUrl::Version));
    for wrong in [
        "a.example:5000/v3",
        "https://ann:s3cret@a.example/v3",
        "https://a.example/v3?x=1",
        "https://a.example/#v3",
        "",
    ] {
        assert_eq!(made(wrong), Some(InvalidAuthUrl::Address), "{wrong}");
    }
}

#[tokio::test]
async fn a_refusal_is_typed_and_holds_no_secret() {
    let body = r#"{"error":{"code":401,"title":"Unauthorized","message":"The request you have made requires authentication (s3cret)."}}"#;
    let error = answered(401, &[], body).await.unwrap_err();
    let said = "Keystone at cloud.example:5000 gave no token | \
        it answered 401 Unauthorized: The request you have made requires authentication (…).";
    assert_eq!(words(&error), said);
    let TokenError::Keystone { source: KeystoneError::Refused { status, title, .. }, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((status.as_u16(), title.as_deref()), (401, Some("Unauthorized")));
    assert!(!format!("{error:?}").contains("s3cret"));

    let receipt = [("openstack-auth-receipt", "r3ceipt")];
    let error = answered(
        401,
        &receipt,
        r#"{"receipt":{"methods":["password"]},"required_auth_methods":[["password","totp"]]}"#,
    )
    .await;
    assert!(matches!(error, Err(TokenError::Keystone { source: KeystoneError::MoreFactors, .. })), "{error:?}");
}

#[tokio::test]
async fn an_undocumented_answer_is_told_without_its_words() {
    let token = [(SUBJECT_TOKEN, "t0ken")];
    let answers = [
        (201, &[][..], ISSUED),
        (201, &token, "<html></html>"),
        (201, &token, "{}"),
        (300, &[], r#"{"versions":{"values":[]}}"#),
        (404, &[], "<html>t0ken</html>"),
        (503, &[], ""),
    ];
    for (status, headers, body) in answers {
        let error = answered(status, headers, body).await.unwrap_err();
        assert!(words(&error).contains(&format!("an undocumented answer with status {status}")), "{error:?}");
        assert!(!format!("{error:?} {}", words(&error)).contains("t0ken"));
    }
}

#[tokio::test]
async fn a_token_without_scope_has_no_catalog() {
    let body = r#"{"token":{"methods":["password"],"user":{"id":"u1"},"expires_at":"soon"}}"#;
    let issued = answered(201, &[(SUBJECT_TOKEN, "t0ken")], body).await.unwrap();
    assert_eq!((end(issued.token()), issued.project_id()), (None, None));
    assert_eq!(issued.catalog().endpoint("image", None, Interface::Public), Err(EndpointError::Empty));
}

#[tokio::test]
async fn one_log_in_serves_the_catalog_and_the_requests() {
    let (transport, seen) = service(201, &[(SUBJECT_TOKEN, "t0ken")], ISSUED);
    let clock = Hand::at(1_795_218_159);
    let keystone = Keystone::new(transport, AUTH, ann()).unwrap().with_clock(clock.clone());
    let issued = keystone.log_in().await.unwrap();
    let cached = Cached::new(keystone).with_clock(clock.clone()).holding(issued.token());
    let credential = Credential::auth_token_from(cached);
    let mut headers = http::HeaderMap::new();
    credential.present(&mut headers, None).await.unwrap();
    assert_eq!(headers["x-auth-token"], "t0ken");
    assert_eq!(seen.lock().unwrap().len(), 1);
    clock.set(1_795_221_700);
    credential.present(&mut headers, None).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_silent_keystone_is_given_up() {
    let silent = InProcess(|_| std::future::pending());
    let keystone = Keystone::new(silent, AUTH, ann()).unwrap().with_clock(Hand::impatient());
    let error = keystone.with_deadline(Duration::from_secs(5)).token(None).await.unwrap_err();
    assert!(
        words(&error).ends_with("| the token cannot be asked for | no answer came within 5 seconds"),
        "{}",
        words(&error)
    );
}

#[test]
fn debug_shows_no_secret() {
    let logins = [ann(), Login::application_credential("c1", "s3cret"), Login::token("s3cret")];
    for login in logins {
        let keystone = Keystone::new(service(201, &[], "").0, AUTH, login).unwrap();
        assert!(!format!("{keystone:?}").contains("s3cret"));
    }
    let issued = Issued { token: Token::new("s3cret", None), catalog: Catalog::default(), user: None, project: None };
    assert!(!format!("{issued:?}").contains("s3cret"));
}
