//! Which requests take the way through a proxy, as the environment's variables say it.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use http::Uri;
use http::header::HeaderValue;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::connect::ConnectError;

/// Which proxy a request is sent to, if any. Cheap to clone. `Debug` shows the proxies without what they are told to let the client in.
#[derive(Clone)]
pub struct Proxies(Arc<Rules>);

struct Rules {
    matcher: Matcher,
    http: Option<Unusable>,
    https: Option<Unusable>,
}

/// A variable whose value names no proxy that can be used, and why.
#[derive(Debug, Clone)]
struct Unusable {
    variable: &'static str,
    reason: &'static str,
}

/// Stands for a proxy that cannot be used, so that `NO_PROXY` is asked for it as for every other.
const NOWHERE: &str = "http://unusable.invalid";

/// The variables for one scheme, the first of them that is there counts. Lower case comes first, as with curl.
const HTTP: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
const HTTPS: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const NONE: [&str; 2] = ["no_proxy", "NO_PROXY"];

impl Proxies {
    /// Every request goes straight to its service.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(Rules { matcher: Matcher::builder().build(), http: None, https: None }))
    }

    /// The proxies that these variables name, such as those of [`std::env::vars_os`]:
    ///
    /// - `HTTP_PROXY` for `http`, `HTTPS_PROXY` for `https`, `ALL_PROXY` for whichever of the two has none of its own.
    ///   The value is the proxy's URL, with `http` when it names no scheme; user and password in it, percent-encoded,
    ///   are shown to the proxy (`Proxy-Authorization`) and to nobody else.
    /// - `NO_PROXY` lists hosts that are reached without one, separated by commas: names (with all names below them),
    ///   addresses, networks such as `10.0.0.0/8`, or `*`.
    ///
    /// Each may be written in lower case, which then comes first; an empty one is as none. Under CGI, which
    /// `REQUEST_METHOD` tells, `HTTP_PROXY` is not looked at: it may be the header `Proxy` of whoever sent the
    /// request (CVE-2016-5385).
    ///
    /// A value that names no usable proxy is an error of each request that would have gone there
    /// ([`ConnectError::UnusableProxy`]), not of the ones that would not.
    pub fn from_environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut found: Vec<(String, OsString)> = Vec::new();
        for (name, value) in variables {
            if let Ok(name) = name.into_string()
                && !value.is_empty()
            {
                found.push((name, value));
            }
        }
        let value_of = |name: &str| found.iter().find(|(found, _)| found == name).map(|(_, value)| value);
        let cgi = value_of("REQUEST_METHOD").is_some();
        let first = |names: &[&'static str]| {
            let mut names = names.iter().copied().filter(|name| !(cgi && *name == "HTTP_PROXY"));
            names.find_map(|name| Some((name, value_of(name)?)))
        };
        let proxy = |names: &[&'static str]| first(names).map(|(variable, value)| check(variable, value.to_str()));
        let (http, https) = (proxy(&HTTP), proxy(&HTTPS));
        let excepted = first(&NONE).map(|(_, value)| value.to_string_lossy()).unwrap_or_default();
        // The matcher takes it for every name, but not for every address.
        if excepted.split(',').any(|host| host.trim() == "*") {
            return Self::none();
        }
        let value = |proxy: &Option<Result<String, Unusable>>| match proxy {
            Some(Ok(value)) => value.clone(),
            Some(Err(_)) => NOWHERE.to_owned(),
            None => String::new(),
        };
        let matcher = Matcher::builder().http(value(&http)).https(value(&https)).no(excepted.into_owned()).build();
        let [http, https] = [http, https].map(|proxy| proxy.and_then(Result::err));
        Self(Arc::new(Rules { matcher, http, https }))
    }

    /// The proxy on the way to `service`.
    pub(super) fn on_the_way_to(&self, service: &Uri) -> Result<Option<Intercept>, ConnectError> {
        let Some(proxy) = self.0.matcher.intercept(service) else { return Ok(None) };
        let unusable = if service.scheme_str() == Some("https") { &self.0.https } else { &self.0.http };
        match unusable {
            Some(Unusable { variable, reason }) => Err(ConnectError::UnusableProxy { variable, reason }),
            None => Ok(Some(proxy)),
        }
    }

    /// What a request with this URI must show to the proxy that reads it: one over plain `http`, whose proxy is no tunnel.
    pub(super) fn authorization(&self, service: &Uri) -> Option<HeaderValue> {
        let proxy = if service.scheme_str() == Some("http") { self.on_the_way_to(service).ok()? } else { None };
        proxy?.basic_auth().cloned()
    }
}

/// The value if it names a proxy that can be used.
fn check(variable: &'static str, value: Option<&str>) -> Result<String, Unusable> {
    let unusable = |reason| Unusable { variable, reason };
    let value = value.ok_or_else(|| unusable("it is not text in UTF-8"))?.trim();
    let probe = Matcher::builder().all(value.to_owned()).build();
    let proxy = probe.intercept(&Uri::from_static("http://service.invalid/"));
    let proxy = proxy.filter(|proxy| is_whole(value, proxy.uri())).ok_or_else(|| unusable(FORM))?;
    match proxy.uri().scheme_str() {
        Some("http" | "https") => Ok(value.to_owned()),
        _ => Err(unusable("SOCKS is not spoken here; name a proxy for HTTP")),
    }
}

const FORM: &str = "write it as http://host:port or http://user:password@host:port, with the signs @ : / ? # % in a \
    password as %40 %3A %2F %3F %23 %25";

/// Whether host and port are what was meant: a password with one of the signs that end them looks like a path, and the
/// user's name like the host.
fn is_whole(value: &str, proxy: &Uri) -> bool {
    let value = value.split_once("://").map_or(value, |(_, rest)| rest);
    let beyond = value.find(['/', '?', '#']).map_or("", |end| &value[end..]);
    let port_is_a_number = proxy.authority().is_some_and(|authority| {
        let named = authority.as_str() != authority.host();
        !named || authority.port_u16().is_some()
    });
    port_is_a_number && !beyond.contains('@')
}

impl Default for Proxies {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rules { matcher, http, https } = &*self.0;
        formatter.debug_tuple("Proxies").field(matcher).field(http).field(https).finish()
    }
}
