//! HTTP over TCP and TLS.

use std::time::Duration;

use http::header::PROXY_AUTHORIZATION;
use http::{Extensions, Request, Response, Version};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use pentaprism_core::Body;

use super::connect::{ConnectError, Connector};
use super::proxy::Proxies;
use super::tls::{Configurations, Identity, Roots, TlsError};
use super::watched::Rejection;
use super::{Transport, TransportError, find};
use crate::idle::{Activity, Impatient, Noted};
use crate::source::Pieces;

/// HTTP/1.1 and HTTP/2 over TCP, with TLS by rustls for `https`. Clones share their connections.
#[derive(Debug, Clone)]
pub struct HyperTransport {
    client: Client<Connector, Body>,
    proxies: Proxies,
    tunnels_only: bool,
    idle: Duration,
}

/// How long a connection may take to be made.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// How long an exchange may stand still, unless said otherwise: longer than any service needs to store what it has.
const IDLE_DEADLINE: Duration = Duration::from_mins(5);
/// How long a connection without work is kept: less than services commonly wait before they close it.
const KEPT_FOR: Duration = Duration::from_secs(50);
/// How many of them are kept for each service.
const KEPT: usize = 32;
/// What is written, and what is read, at once at most over HTTP/1.1: enough that system calls cost little, and so little that it is
/// still in a processor's own cache when it is taken on. With eight times as much, a download to a disk took three times as long.
const BUFFER_BYTES: usize = 64 * 1024;
/// What waits to be written over HTTP/2, for each stream.
const STREAM_BUFFER_BYTES: usize = 512 * 1024;
/// What a service may send over HTTP/2 before it waits to hear that it was taken: for one answer, and for all of a connection.
const STREAM_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// The most that a service may send in one frame of HTTP/2: with the smallest allowed, 16 KiB, each is a piece of its own.
const FRAME_BYTES: u32 = 128 * 1024;
/// How often the other side of an HTTP/2 connection with work is asked whether it is still there, and how long it may think
/// about it: all requests share that one connection, and would all wait for a dead one.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_DEADLINE: Duration = Duration::from_secs(20);

impl HyperTransport {
    /// A transport with a connection pool of its own, the system's root certificates and no proxy; see
    /// [`HyperTransport::builder`] for others. Where the system has no root certificates (a slim container), `http` works
    /// and every `https` connection is refused.
    ///
    /// # Errors
    /// The TLS library does not know the versions of the protocol that are safe today.
    pub fn new() -> Result<Self, TlsError> {
        Self::builder().build()
    }

    /// A transport to be set up: whom it trusts, who it says that it is, which way it takes, how long it waits.
    ///
    /// A Service Fabric cluster that is secured by certificates wants to see one of the client's, and its own is commonly
    /// signed by an authority that only its owners know:
    ///
    /// ```no_run
    /// use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
    /// use pentaprism_client::{Credential, HyperTransport, Proxies};
    ///
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let transport = HyperTransport::builder()
    ///     .client_certificate(&std::fs::read("operator.pem")?, &std::fs::read("operator.key")?)
    ///     .root_certificates(&std::fs::read("cluster-authority.pem")?)?
    ///     .only_these_roots()
    ///     .proxies(Proxies::from_environment(std::env::vars_os()))
    ///     .build()?;
    /// let cluster = "https://cluster.example:19080".parse()?;
    /// let fabric = ServiceFabricClient::new(transport, cluster, Credential::none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> HyperTransportBuilder {
        HyperTransportBuilder {
            roots: Roots::of_the_system(),
            identity: None,
            proxies: Proxies::none(),
            prior_knowledge: false,
            connect: CONNECT_DEADLINE,
            idle: IDLE_DEADLINE,
            kept: (KEPT, KEPT_FOR),
        }
    }

    /// Gives an exchange up when nothing moves for `idle`; five minutes without it.
    #[must_use]
    pub fn with_idle_deadline(self, idle: Duration) -> Self {
        Self { idle, ..self }
    }
}

/// Sets a [`HyperTransport`] up.
#[derive(Debug)]
#[must_use = "it makes a transport only when told to build one"]
pub struct HyperTransportBuilder {
    roots: Roots,
    identity: Option<Result<Identity, TlsError>>,
    proxies: Proxies,
    prior_knowledge: bool,
    connect: Duration,
    idle: Duration,
    kept: (usize, Duration),
}

impl HyperTransportBuilder {
    /// Trusts the certificates in a PEM text, one or several, beside those of the system (which `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` replace) and those that were added before.
    ///
    /// # Errors
    /// The text holds no certificate, or one that cannot be trusted.
    pub fn root_certificates(mut self, pem: &[u8]) -> Result<Self, TlsError> {
        self.roots.add(pem)?;
        Ok(self)
    }

    /// Trusts nobody but the [root certificates](Self::root_certificates) that are given here, before or after this.
    pub fn only_these_roots(mut self) -> Self {
        self.roots.leave_out_the_system();
        self
    }

    /// Shows a certificate to services that ask for one. The certificate comes first in its PEM text, those that lead from
    /// it to the authority follow; the key is one in PKCS #8, SEC 1 or PKCS #1, without a password. Both may be the same
    /// text. What is wrong with them [`build`](Self::build) tells.
    pub fn client_certificate(mut self, certificate_pem: &[u8], key_pem: &[u8]) -> Self {
        self.identity = Some(Identity::read(certificate_pem, key_pem));
        self
    }

    /// Takes the way through these proxies; straight without it. A proxy with an `https` URL is trusted by the same root
    /// certificates as services.
    pub fn proxies(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// Speaks HTTP/2 only, over `http`, too, where nobody is asked whether the service knows it. Without it, `http` is
    /// HTTP/1.1, and over `https` the service chooses.
    pub fn http2_with_prior_knowledge(self) -> Self {
        Self { prior_knowledge: true, ..self }
    }

    /// Gives a connection up that is not ready after `deadline`, TLS and proxy included; ten seconds without it.
    pub fn connect_deadline(self, deadline: Duration) -> Self {
        Self { connect: deadline, ..self }
    }

    /// Gives an exchange up when nothing moves for `deadline`; five minutes without it.
    pub fn idle_deadline(self, deadline: Duration) -> Self {
        Self { idle: deadline, ..self }
    }

    /// Keeps at most `number` connections without work for each service, each for `time`; 32 for 50 seconds without it.
    pub fn kept_connections(self, number: usize, time: Duration) -> Self {
        Self { kept: (number, time), ..self }
    }

    /// The transport. Reads the system's root certificates, which are some hundred files.
    ///
    /// # Errors
    /// [`TlsError`] says what is wrong with the certificates or the key, and what helps.
    pub fn build(self) -> Result<HyperTransport, TlsError> {
        let protocols: &[&[u8]] = if self.prior_knowledge { &[b"h2"] } else { &[b"h2", b"http/1.1"] };
        let tls = Configurations::new(self.roots, self.identity.transpose()?, protocols)?;
        let connector = Connector::new(&tls, self.proxies.clone(), self.connect, self.prior_knowledge);
        let mut client = Client::builder(TokioExecutor::new());
        client.timer(TokioTimer::new()).pool_timer(TokioTimer::new());
        client.pool_max_idle_per_host(self.kept.0).pool_idle_timeout(self.kept.1);
        client.http1_max_buf_size(BUFFER_BYTES).http2_only(self.prior_knowledge);
        client.http2_initial_stream_window_size(STREAM_WINDOW_BYTES);
        client.http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        client.http2_max_frame_size(FRAME_BYTES).http2_max_send_buf_size(STREAM_BUFFER_BYTES);
        client.http2_keep_alive_interval(PING_EVERY).http2_keep_alive_timeout(PING_DEADLINE);
        Ok(HyperTransport {
            client: client.build(connector),
            proxies: self.proxies,
            tunnels_only: self.prior_knowledge,
            idle: self.idle,
        })
    }
}

/// Nothing moved for too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing moved for {} seconds", .0.as_secs_f64())]
struct Silence(Duration);

impl Transport for HyperTransport {
    async fn call(&self, mut request: Request<Body>) -> Result<Response<Body>, TransportError> {
        if !self.tunnels_only
            && let Some(authorization) = self.proxies.authorization(request.uri())
        {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
        }
        let activity = Activity::begin();
        let noted = |body: Body| {
            // A body without bytes keeps its form, so that hyper frames it as one.
            let empty = http_body::Body::is_end_stream(&body);
            if empty { body } else { Body::stream(Noted { body: Pieces::of(body), activity: activity.clone() }) }
        };
        let answer = self.client.request(request.map(noted));
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            error = activity.broken() => return Err(TransportError::maybe_sent(error)),
            () = activity.silence(self.idle) => return Err(TransportError::maybe_sent(Silence(self.idle))),
        };
        match answer {
            Ok(answer) => {
                let says_its_end = answer.version() == Version::HTTP_2;
                Ok(answer.map(|body| Body::stream(Impatient::new(body, self.idle, says_its_end))))
            }
            Err(error) => Err(activity.taken_error().map_or_else(|| explain(error), TransportError::maybe_sent)),
        }
    }
}

/// What is known of a failed exchange.
fn explain(error: hyper_util::client::legacy::Error) -> TransportError {
    if let Some(why) = find::<ConnectError>(&error) {
        return TransportError::not_sent(why.clone());
    }
    let mut extras = Extensions::new();
    if let Some(connection) = error.connect_info() {
        connection.get_extras(&mut extras);
    }
    if let Some(why) = extras.get().and_then(Rejection::get) {
        return TransportError::not_sent(why.clone());
    }
    // Cancelled is what never left for the connection.
    let unsent = error.is_connect() || find::<hyper::Error>(&error).is_some_and(hyper::Error::is_canceled);
    if unsent { TransportError::not_sent(error) } else { TransportError::maybe_sent(error) }
}
