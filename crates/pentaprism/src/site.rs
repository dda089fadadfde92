//! Under which names the server may be asked, and what it is called in the links it hands out.
//!
//! The check of `Host` keeps a web page from reaching a server on the reader's own machine through a name of the page's
//! owner that resolves to it (DNS rebinding).

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{HOST, HeaderName};
use http::request::Parts;
use http::uri::Authority;
use pentaprism_server::Refusal;
use pentaprism_server::connection::Endpoints;

use crate::settings::{HostName, Network, PublicUrl, Settings};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The names and proxies of the settings.
#[derive(Debug, Clone)]
pub struct Site {
    listen: SocketAddr,
    public_url: Option<PublicUrl>,
    hosts: Vec<HostName>,
    trusted_proxies: Vec<Network>,
}

/// How a request reached the server, a request extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// What links to this server begin with, without a slash at its end: the public URL, or what the request names.
    pub base_url: String,
    /// Host and port that the client asked for.
    pub authority: Authority,
    /// Who asked, seen through trusted proxies. Absent when the request came over no connection.
    pub client: Option<IpAddr>,
}

/// What links to this server begin with in the answer to a request. One that was refused before anybody looked how it came gets
/// the public URL, or the address that the server listens on.
pub(crate) fn base_url(head: &Parts, settings: &Settings) -> String {
    match (head.extensions.get::<Visit>(), &settings.public_url) {
        (Some(visit), _) => visit.base_url.clone(),
        (None, Some(url)) => url.as_str().to_owned(),
        (None, None) => format!("http://{}", settings.listen),
    }
}

impl Site {
    /// The site of the settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            listen: settings.listen,
            public_url: settings.public_url.clone(),
            hosts: settings.hosts.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
        }
    }

    /// Finds out how a request reached the server.
    ///
    /// # Errors
    /// [`Refusal::Misdirected`] when the host is none of ours.
    pub fn visit(&self, head: &Parts) -> Result<Visit, Refusal> {
        let endpoints = head.extensions.get::<Endpoints>();
        let proxied = endpoints.is_some_and(|ends| self.trusts(ends.remote.ip()));
        let forwarded = |name| if proxied { last(&head.headers, name) } else { None };
        let authority = match forwarded(X_FORWARDED_HOST) {
            Some(host) => host.parse().ok(),
            None => asked_for(head),
        };
        let plain = authority.filter(|authority| !authority.as_str().contains('@'));
        let authority = plain.filter(|authority| self.answers_for(authority, endpoints)).ok_or(Refusal::Misdirected)?;
        let secure = match forwarded(X_FORWARDED_PROTO) {
            Some(scheme) => scheme == "https",
            None => endpoints.is_some_and(|ends| ends.secure),
        };
        let scheme = if secure { "https" } else { "http" };
        let base_url = match &self.public_url {
            Some(url) => url.as_str().to_owned(),
            None => format!("{scheme}://{authority}"),
        };
        let client = endpoints.map(|ends| self.client(ends.remote.ip(), &head.headers));
        Ok(Visit { base_url, authority, client })
    }

    fn answers_for(&self, authority: &Authority, endpoints: Option<&Endpoints>) -> bool {
        let host = HostName::of(authority);
        let connected_to = |address: IpAddr| {
            let local = endpoints.map(|ends| ends.local.ip().to_canonical());
            address == self.listen.ip().to_canonical() || local == Some(address)
        };
        host.is_loopback()
            || host.address().is_some_and(connected_to)
            || self.public_url.as_ref().is_some_and(|url| url.host() == host)
            || self.hosts.contains(&host)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    /// The nearest address that is no trusted proxy; each proxy appends whom it was asked by.
    fn client(&self, remote: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = remote.to_canonical();
        let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
        for address in lines.iter().flat_map(|line| line.split(',')).rev() {
            if !self.trusts(client) {
                break;
            }
            let Ok(address) = address.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
        }
        client
    }
}

/// What the request itself names: the target's host where it has one (RFC 9112, 3.2.2), else `Host`.
fn asked_for(head: &Parts) -> Option<Authority> {
    if let Some(authority) = head.uri.authority() {
        return Some(authority.clone());
    }
    head.headers.get(HOST)?.to_str().ok()?.parse().ok()
}

/// What the nearest proxy says: the last element of the last line.
fn last(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim)
}

#[cfg(test)]
#[path = "site_tests.rs"]
mod tests;
