//! Servers, authorities and proxies that live as long as their test.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use pentaprism_client::{HyperTransport, HyperTransportBuilder, Transport as _, TransportError};
use pentaprism_core::Body;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Signs certificates.
pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate in PEM, and its key.
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(parameters, key) }
    }

    pub fn certify(&self, names: &[&str]) -> Pair {
        self.certify_key(names, &KeyPair::generate().unwrap())
    }

    pub fn certify_key(&self, names: &[&str], key: &KeyPair) -> Pair {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        self.sign(&CertificateParams::new(names).unwrap(), key)
    }

    pub fn sign(&self, parameters: &CertificateParams, key: &KeyPair) -> Pair {
        let certificate = parameters.signed_by(key, &self.issuer).unwrap();
        Pair { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    fn store(&self) -> Arc<RootCertStore> {
        let mut store = RootCertStore::empty();
        store.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        Arc::new(store)
    }
}

/// How a server encrypts: with `pair`, towards clients with a certificate of `clients` if there is one.
pub fn server_config(pair: &Pair, clients: Option<&Authority>, protocols: &[&str]) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        Some(authority) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(authority.store(), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
        None => builder.with_no_client_auth(),
    };
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// What a server or a proxy has seen: one line for each request.
pub type Seen = Arc<Mutex<Vec<String>>>;

/// A server on a free port that tells what it was asked.
pub struct Server {
    pub address: SocketAddr,
    pub seen: Seen,
}

impl Server {
    pub async fn plain() -> Self {
        Self::listen("127.0.0.1:0", None, false).await
    }

    pub async fn plain_http2() -> Self {
        Self::listen("127.0.0.1:0", None, true).await
    }

    pub async fn encrypted(config: Arc<ServerConfig>) -> Self {
        Self::listen("127.0.0.1:0", Some(config), false).await
    }

    pub async fn listen(address: &str, tls: Option<Arc<ServerConfig>>, http2: bool) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Seen::default());
        let noted = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accept(stream, tls.clone(), http2, Arc::clone(&noted)));
            }
        });
        Self { address, seen }
    }

    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn accept(stream: TcpStream, tls: Option<Arc<ServerConfig>>, http2: bool, seen: Seen) {
    let Some(config) = tls else { return serve(stream, http2, seen).await };
    let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else { return };
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    serve(stream, http2, seen).await;
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, http2: bool, seen: Seen) {
    let service = service_fn(move |request| answer(request, Arc::clone(&seen)));
    // How the connection ends is the client's matter, which the tests look at.
    let _ = if http2 {
        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await
    } else {
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
    };
}

async fn answer(request: Request<Incoming>, seen: Seen) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let length = match body.collect().await {
        Ok(body) => body.to_bytes().len().to_string(),
        Err(_) => "broken".to_owned(),
    };
    let host = head.headers.get("host").map_or("-", |host| host.to_str().unwrap());
    let shown = head.headers.get("proxy-authorization").map_or("-", |shown| shown.to_str().unwrap());
    let line = format!("{:?} {} {} host={host} proxy={shown} body={length}", head.version, head.method, head.uri);
    seen.lock().unwrap().push(line.clone());
    Ok(Response::new(line.into()))
}

/// A proxy that lets through whoever shows `wanted`, and tells what it was asked.
pub async fn proxy(wanted: Option<&str>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Seen::default());
    let (noted, wanted) = (Arc::clone(&seen), wanted.map(str::to_owned));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (noted, wanted) = (Arc::clone(&noted), wanted.clone());
            tokio::spawn(async move { forward(stream, wanted, noted).await });
        }
    });
    Server { address, seen }
}

/// One connection of a proxy: reads the first head byte by byte, so that nothing of what follows is taken, connects and copies.
async fn forward(mut client: TcpStream, wanted: Option<String>, seen: Seen) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next().unwrap().to_owned();
    let shown = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization").then(|| value.to_owned())
    });
    seen.lock().unwrap().push(format!("{line} proxy={}", shown.as_deref().unwrap_or("-")));
    if shown != wanted {
        return client.write_all(b"HTTP/1.1 407 Who are you?\r\ncontent-length: 0\r\n\r\n").await;
    }
    let target = line.split(' ').nth(1).unwrap();
    if let Some(authority) = target.strip_prefix("http://") {
        let mut service = TcpStream::connect(resolved(authority.split('/').next().unwrap())).await?;
        service.write_all(head.as_bytes()).await?;
        copy_bidirectional(&mut client, &mut service).await?;
    } else {
        let mut service = TcpStream::connect(resolved(target)).await?;
        client.write_all(b"HTTP/1.1 200 Go on\r\n\r\n").await?;
        copy_bidirectional(&mut client, &mut service).await?;
    }
    Ok(())
}

/// Names of the tests live on this machine; only a proxy finds them.
fn resolved(authority: &str) -> String {
    authority.replace("service.test", "127.0.0.1")
}

/// A builder that trusts `authority` only, so that no test looks at this machine's certificates.
pub fn trusting(authority: &Authority) -> HyperTransportBuilder {
    HyperTransport::builder().root_certificates(authority.pem.as_bytes()).unwrap().only_these_roots()
}

/// What a server of these tests says to `GET`.
pub async fn get(transport: &HyperTransport, uri: &str) -> Result<String, TransportError> {
    send(transport, "GET", uri, Body::empty()).await
}

pub async fn send(transport: &HyperTransport, method: &str, uri: &str, body: Body) -> Result<String, TransportError> {
    let request = Request::builder().method(method).uri(uri).body(body).unwrap();
    let answer = transport.call(request).await?.into_body().collect(4096).await.unwrap();
    Ok(String::from_utf8(answer.to_vec()).unwrap())
}

/// An error and its causes, as they are shown to people.
pub fn told(error: &(dyn Error + 'static)) -> String {
    let chain: Vec<String> =
        std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect();
    chain.join(": ")
}
