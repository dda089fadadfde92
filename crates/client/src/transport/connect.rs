//! The way from a URI to a connection: straight or through a proxy, encrypted or not, and why there is none.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::{AlertDescription, CertificateError, InvalidMessage};
use tokio::net::TcpStream;
use tower_service::Service;

use super::find;
use super::proxy::Proxies;
use super::tls::Configurations;
use super::watched::Watched;

/// Why there is no connection. Nothing was sent over it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The service's name is not known, or its host refuses.
    #[error("{to} cannot be reached")]
    Unreachable {
        /// Host and port.
        to: String,
        /// What the network said.
        #[source]
        source: Cause,
    },
    /// It took too long: to find the name, to connect, to agree with a proxy, or to agree on TLS.
    #[error("no connection to {to} came about within {} seconds", .after.as_secs_f64())]
    TooSlow {
        /// Host and port.
        to: String,
        /// The deadline.
        after: Duration,
    },
    /// The proxy cannot be reached or does not want to.
    #[error("there is no way to {to} through the proxy {proxy}")]
    Proxy {
        /// Host and port of the service.
        to: String,
        /// Host and port of the proxy.
        proxy: String,
        /// What the proxy or the network said.
        #[source]
        source: Cause,
    },
    /// The environment names a proxy in a way that it cannot be used.
    #[error("the variable {variable} names no proxy that can be used: {reason}")]
    UnusableProxy {
        /// The variable.
        variable: &'static str,
        /// What is wrong with its value.
        reason: &'static str,
    },
    /// The other side could not prove that it is the one that is wanted.
    #[error("nothing was sent, as the certificate of {host} is not trusted: {reason}")]
    NotTrusted {
        /// Host and port.
        host: String,
        /// What is wrong with the certificate, and what helps.
        reason: String,
        /// What the TLS library said.
        #[source]
        source: Cause,
    },
    /// The service wants to know who calls, and is not content with the answer.
    #[error("{host} does not let this client in: {reason}")]
    ClientCertificate {
        /// Host and port.
        host: String,
        /// What is wrong with the client certificate, and what helps.
        reason: &'static str,
        /// What the TLS library said.
        #[source]
        source: Cause,
    },
    /// The two sides do not agree on TLS.
    #[error("no encrypted connection with {host} came about{}", if *.plain { ": it answers without TLS; is it `http:`?" } else { "" })]
    Tls {
        /// Host and port.
        host: String,
        /// Whether the other side seems to speak without TLS.
        plain: bool,
        /// What the TLS library said.
        #[source]
        source: Cause,
    },
}

impl ConnectError {
    /// Whether another try would fail for the same reason.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::UnusableProxy { .. }
                | Self::NotTrusted { .. }
                | Self::ClientCertificate { .. }
                | Self::Tls { plain: true, .. }
        )
    }

    /// What TLS with `host` failed of, if it did.
    fn of_tls(host: &str, error: &Cause) -> Option<Self> {
        let (host, source) = (host.to_owned(), error.clone());
        match find::<rustls::Error>(error.0.as_ref())? {
            rustls::Error::InvalidCertificate(wrong) => {
                Some(Self::NotTrusted { reason: distrust(wrong), host, source })
            }
            rustls::Error::AlertReceived(alert) if let Some(reason) = rejection(*alert) => {
                Some(Self::ClientCertificate { host, reason, source })
            }
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
                Some(Self::Tls { host, plain: true, source })
            }
            _ => Some(Self::Tls { host, plain: false, source }),
        }
    }

    /// Why the service did not want to hear the client, if an error of a connection that had come about says it: TLS 1.3 is
    /// done for the client before the service has looked at its certificate, and then nothing of what follows is heard.
    pub(super) fn of_connection(host: &str, error: &io::Error) -> Option<Self> {
        let found = Self::of_tls(host, &Cause::new(io::Error::other(find::<rustls::Error>(error)?.clone())));
        found.filter(|found| matches!(found, Self::ClientCertificate { .. }))
    }
}

/// What is wrong with the certificate of the other side.
fn distrust(wrong: &CertificateError) -> String {
    let plain = match wrong {
        CertificateError::UnknownIssuer => {
            "it is signed by nobody who is trusted here; add the root certificate of its authority if that is a mistake"
        }
        CertificateError::NotValidForName => "it is for other names",
        CertificateError::NotValidForNameContext { presented, .. } => {
            // Each is written as `DnsName("service.example")`.
            let name = |name: &String| name.split(['(', ')']).nth(1).unwrap_or(name).trim_matches('"').to_owned();
            let names: Vec<String> = presented.iter().map(name).collect();
            return format!("it is not for this name, but for {}", names.join(", "));
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; is the clock right?"
        }
        CertificateError::Revoked => "it was revoked",
        CertificateError::BadSignature => "its signature is wrong",
        CertificateError::BadEncoding => "it cannot be read",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => "it is not for servers",
        other => return other.to_string(),
    };
    plain.to_owned()
}

/// What is wrong with the client's own certificate, if the alert speaks of it.
const fn rejection(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "it demands a client certificate; give one"
        }
        AlertDescription::UnknownCA => "the client certificate is signed by nobody whom it trusts",
        AlertDescription::CertificateExpired => "the client certificate has expired",
        AlertDescription::CertificateRevoked => "the client certificate was revoked",
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown => "it has no use for the client certificate, or for its lack",
        _ => return None,
    })
}

/// An error that several errors share.
#[derive(Debug, Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    pub(super) fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Connects to the service of a URI.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    secured: HttpsConnector<Route>,
    deadline: Duration,
}

impl Connector {
    /// With `tunnels_only`, `http` goes through a proxy as `https` does: for a version of HTTP that the proxy need not know.
    pub(super) fn new(tls: &Configurations, proxies: Proxies, deadline: Duration, tunnels_only: bool) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(deadline));
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.enforce_http(false);
        let proxy = HttpsConnector::from((tcp.clone(), Arc::clone(&tls.proxy)));
        let route = Route { tcp, proxy, proxies, tunnels_only, deadline };
        Self { secured: HttpsConnector::from((route, Arc::clone(&tls.service))), deadline }
    }
}

/// How long a connection is silent before the other side's system is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_mins(1);

type Connecting<S> = Pin<Box<dyn Future<Output = Result<S, ConnectError>> + Send>>;

impl Service<Uri> for Connector {
    type Response = Watched;
    type Error = ConnectError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (name, after) = (name_of(&to), self.deadline);
        let connecting = self.secured.call(to);
        Box::pin(async move {
            let error = match tokio::time::timeout(after, connecting).await {
                Ok(Ok(stream)) => return Ok(Watched::new(stream, name)),
                Ok(Err(error)) => error,
                Err(_) => return Err(ConnectError::TooSlow { to: name, after }),
            };
            match error.downcast::<ConnectError>() {
                Ok(error) => Err(*error),
                Err(error) => {
                    let error = Cause::new(error);
                    Err(ConnectError::of_tls(&name, &error).unwrap_or(ConnectError::Tls {
                        host: name,
                        plain: false,
                        source: error,
                    }))
                }
            }
        })
    }
}

/// Host and port, for people: without what a URI may say beside them.
fn name_of(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    format!("{host}:{port}")
}

/// Brings a connection about over which the service can be spoken to, in TLS or not.
#[derive(Debug, Clone)]
struct Route {
    tcp: HttpConnector,
    proxy: HttpsConnector<HttpConnector>,
    proxies: Proxies,
    tunnels_only: bool,
    deadline: Duration,
}

impl Route {
    fn straight(&mut self, to: &Uri) -> Connecting<Link> {
        let (to, after, connecting) = (name_of(to), self.deadline, self.tcp.call(to.clone()));
        Box::pin(async move {
            let stream = connecting.await.map_err(|error| {
                // The connector divides the deadline among the addresses of a name, so its share may be over first.
                let late = find(&error).is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::TimedOut);
                if late {
                    ConnectError::TooSlow { to, after }
                } else {
                    ConnectError::Unreachable { to, source: Cause::new(error) }
                }
            })?;
            Ok(Link { stream: MaybeHttpsStream::Http(stream), forwarded: false })
        })
    }

    fn through(&mut self, proxy: &Intercept, to: &Uri) -> Connecting<Link> {
        let failed = failure(to, proxy.uri());
        if to.scheme_str() == Some("http") && !self.tunnels_only {
            let connecting = self.proxy.call(proxy.uri().clone());
            return Box::pin(async move { Ok(Link { stream: connecting.await.map_err(failed)?, forwarded: true }) });
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.proxy.clone());
        if let Some(authorization) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(authorization.clone());
        }
        // The tunnel takes every URI without a port for one of `https`.
        let to = Uri::builder().scheme("https").authority(name_of(to)).path_and_query("/").build();
        Box::pin(async move {
            let to = to.map_err(|error| failed(Box::new(error)))?;
            let stream = tunnel.call(to).await.map_err(|error| failed(Box::new(error)))?;
            Ok(Link { stream, forwarded: false })
        })
    }
}

/// Why there is no way through a proxy.
fn failure(to: &Uri, proxy: &Uri) -> impl Fn(Box<dyn Error + Send + Sync>) -> ConnectError + Send + use<> {
    let (to, proxy) = (name_of(to), name_of(proxy));
    move |error| {
        let source = Cause::new(error);
        let tls = ConnectError::of_tls(&proxy, &source);
        tls.unwrap_or_else(|| ConnectError::Proxy { to: to.clone(), proxy: proxy.clone(), source })
    }
}

impl Service<Uri> for Route {
    type Response = Link;
    type Error = ConnectError;
    type Future = Connecting<Link>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Connecting<Link> {
        match self.proxies.on_the_way_to(&to) {
            Ok(None) => self.straight(&to),
            Ok(Some(proxy)) => self.through(&proxy, &to),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// A connection to a service, or to a proxy that forwards.
pub(super) struct Link {
    stream: MaybeHttpsStream<TokioIo<TcpStream>>,
    /// Whether a proxy reads each request, and so must be told the whole URI.
    forwarded: bool,
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.forwarded)
    }
}

impl Read for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}
