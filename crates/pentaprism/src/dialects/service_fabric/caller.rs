//! Who calls, and whether that is allowed: asked once per request, before anything else is looked at.

use std::sync::Arc;

use http::header::ORIGIN;
use http::request::Parts;
use http::uri::{Authority, Scheme, Uri};
use http::{HeaderValue, Method};
use pentaprism_core::dialects::service_fabric::get_cluster_version::GetClusterVersion;
use pentaprism_core::{Operation, OperationInfo};
use pentaprism_server::Refusal;

use crate::access::{Presented, Principal, Principals};
use crate::settings::{Access, PublicUrl};
use crate::site::Visit;

/// Finds out who calls and refuses what the caller may not do (D-041, D-042).
///
/// A request without a token is the anonymous principal's, unless that may do nothing: then a token is asked for.
pub(super) fn authenticate(
    principals: &Principals,
    public_url: Option<&PublicUrl>,
    head: &Parts,
    operation: Option<&OperationInfo>,
) -> Result<Arc<Principal>, Refusal> {
    let principal = identify(principals, head)?;
    principals.count(&principal)?;
    if !is_read(&head.method) && comes_from_elsewhere(head, public_url) {
        return Err(Refusal::Forbidden { reason: FOREIGN_ORIGIN });
    }
    match operation.and_then(needed) {
        Some(Access::ReadOnly) if principal.service_fabric < Access::ReadOnly => {
            Err(Refusal::Forbidden { reason: NO_READING })
        }
        Some(Access::ReadWrite) if principal.service_fabric < Access::ReadWrite => {
            Err(Refusal::Forbidden { reason: NO_WRITING })
        }
        _ => Ok(principal),
    }
}

fn identify(principals: &Principals, head: &Parts) -> Result<Arc<Principal>, Refusal> {
    match principals.by_any(&head.headers) {
        Presented::Known(principal) => Ok(principal),
        Presented::Wrong => Err(Refusal::Unauthenticated { token_sent: true }),
        Presented::Nothing => {
            let anonymous = principals.anonymous();
            let may_do_something = anonymous.service_fabric > Access::None;
            if may_do_something { Ok(anonymous) } else { Err(Refusal::Unauthenticated { token_sent: false }) }
        }
    }
}

const FOREIGN_ORIGIN: &str =
    "a web page of another origin asks for a change; send the request from a program, or from this server's own origin";
const NO_READING: &str = "this principal may not read the image store; use a token with the right `read-only`";
const NO_WRITING: &str = "this principal may not write to the image store; use a token with the right `read-write`";

/// The right that an operation needs. The version of the cluster is no part of the store (D-058).
fn needed(operation: &OperationInfo) -> Option<Access> {
    match operation.method {
        _ if operation == &GetClusterVersion::INFO => None,
        "GET" => Some(Access::ReadOnly),
        _ => Some(Access::ReadWrite),
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whether a browser says that a page of another origin sends the request. Programs send no `Origin`.
fn comes_from_elsewhere(head: &Parts, public_url: Option<&PublicUrl>) -> bool {
    let visit = head.extensions.get::<Visit>();
    let is_own =
        |origin: &HeaderValue| Uri::try_from(origin.as_bytes()).is_ok_and(|origin| is_own(&origin, visit, public_url));
    !head.headers.get_all(ORIGIN).iter().all(is_own)
}

/// Whether an origin is the host that was asked for, or the public URL. The scheme of the former is not known: a proxy in
/// front may speak another one than this server.
fn is_own(origin: &Uri, visit: Option<&Visit>, public_url: Option<&PublicUrl>) -> bool {
    let (Some(scheme), Some(authority)) = (origin.scheme(), origin.authority()) else { return false };
    let usual = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(usual);
    let is_same = |own: &Authority| own.host().eq_ignore_ascii_case(authority.host()) && port(own) == port(authority);
    let public = public_url.filter(|url| url.as_str().split_once(':').is_some_and(|(own, _)| own == scheme.as_str()));
    visit.is_some_and(|visit| is_same(&visit.authority)) || public.is_some_and(|url| is_same(url.authority()))
}

#[cfg(test)]
mod tests {
    use http::Request;
    use pentaprism_core::dialects::service_fabric::get_image_store_content::GetImageStoreContent;
    use pentaprism_core::dialects::service_fabric::upload_file::UploadFile;

    use super::*;
    use crate::settings::{DEVELOPMENT_TOKEN, PrincipalSettings, Settings, Token};

    fn ask(settings: &Settings, operation: &OperationInfo, headers: &[(&str, &str)]) -> Result<String, Refusal> {
        let mut request = Request::builder().method(operation.method).uri("/ImageStore/a");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        let authority = Authority::from_static("store:8470");
        head.extensions.insert(Visit { base_url: "http://store:8470".to_owned(), authority, client: None });
        let found = authenticate(&Principals::new(settings), settings.public_url.as_ref(), &head, Some(operation));
        found.map(|principal| principal.name.clone())
    }

    fn settings(anonymous: Access) -> Settings {
        let mut settings = Settings { public_url: "https://images.example".parse().ok(), ..Settings::default() };
        settings.service_fabric.anonymous = anonymous;
        for (name, service_fabric) in [("viewer", Access::ReadOnly), ("stranger", Access::None)] {
            let token = Token::new(name);
            let principal =
                PrincipalSettings { name: name.to_owned(), token, service_fabric, ..PrincipalSettings::development() };
            settings.principals.push(principal);
        }
        settings
    }

    #[test]
    fn the_right_decides() {
        let closed = settings(Access::None);
        let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
        for (token, reads, writes) in
            [("viewer", true, false), ("stranger", false, false), (DEVELOPMENT_TOKEN, true, true)]
        {
            let (name, value) = bearer(token);
            let ask = |operation| ask(&closed, operation, &[(name, &value)]);
            assert_eq!(ask(&GetImageStoreContent::INFO).is_ok(), reads, "{token}");
            assert_eq!(ask(&UploadFile::INFO).is_ok(), writes, "{token}");
            assert!(ask(&GetClusterVersion::INFO).is_ok(), "{token}");
        }
        assert!(matches!(ask(&closed, &UploadFile::INFO, &[]), Err(Refusal::Unauthenticated { token_sent: false })));
        let wrong = ask(&settings(Access::ReadWrite), &UploadFile::INFO, &[("authorization", "Bearer wrong")]);
        assert!(matches!(wrong, Err(Refusal::Unauthenticated { token_sent: true })));
    }

    #[test]
    fn without_a_token_the_request_is_anonymous() {
        let readable = settings(Access::ReadOnly);
        assert_eq!(ask(&readable, &GetImageStoreContent::INFO, &[]).ok().as_deref(), Some("anonymous"));
        assert!(matches!(ask(&readable, &UploadFile::INFO, &[]), Err(Refusal::Forbidden { .. })));
    }

    #[test]
    fn pages_of_other_origins_change_nothing() {
        let open = settings(Access::ReadWrite);
        for (origin, own) in [
            ("http://store:8470", true),
            ("http://STORE:8470", true),
            ("https://images.example", true),
            ("https://images.example:443", true),
            ("http://store", false),
            ("http://images.example", false),
            ("http://evil.example:8470", false),
            ("null", false),
            ("store:8470", false),
            ("", false),
        ] {
            assert_eq!(ask(&open, &UploadFile::INFO, &[("origin", origin)]).is_ok(), own, "{origin}");
            assert!(ask(&open, &GetImageStoreContent::INFO, &[("origin", origin)]).is_ok(), "{origin}");
        }
        let both = [("origin", "http://store:8470"), ("origin", "http://evil.example")];
        assert!(ask(&open, &UploadFile::INFO, &both).is_err());
    }
}
