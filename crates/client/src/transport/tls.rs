//! Whom `https` trusts, and who it says that the client is.

use std::sync::Arc;

use rustls::client::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, RootCertStore};

/// Why connections cannot be encrypted the way it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Text without any of the sections that PEM is made of.
    #[error(
        "the {what} is not PEM, as it has no line `-----BEGIN ...-----`; for a file in DER: `openssl {} -inform der -in FILE`",
        if *.what == KEY { "pkey" } else { "x509" }
    )]
    NotPem {
        /// What was to be read.
        what: &'static str,
    },
    /// The sections are broken.
    #[error("the {what} is broken PEM; give the whole file, from `-----BEGIN` to the end of the line with `-----END`")]
    Broken {
        /// What was to be read.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// PEM, but with other sections than certificates.
    #[error("no certificate is in the {what}; give a file with `-----BEGIN CERTIFICATE-----`")]
    NoCertificate {
        /// What was to be read.
        what: &'static str,
    },
    /// A section says that it is a certificate and does not hold one.
    #[error("certificate {number} of the {what} is none that can be used; give an X.509 certificate of version 3")]
    Certificate {
        /// What was to be read.
        what: &'static str,
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
    /// PEM, but without a private key.
    #[error("no private key is in the {KEY}; give a file with `-----BEGIN PRIVATE KEY-----`")]
    NoKey,
    /// The key is locked.
    #[error("the {KEY} is locked with a password, and there is no one to ask; unlock it: `openssl pkey -in FILE`")]
    LockedKey,
    /// The key is of a kind that the TLS library does not know.
    #[error("the {KEY} is of no use; give an RSA key of 2048 to 8192 bits, or one for P-256, P-384 or Ed25519")]
    UnusableKey(#[source] rustls::Error),
    /// The two do not go together.
    #[error("the {KEY} does not fit the certificate; give the key that it was made for, and that certificate first")]
    KeyDoesNotFit,
    /// Nobody would be trusted.
    #[error("the system's roots are left out and no others are given, so no certificate is trusted; give one at least")]
    NoRoots,
    /// The TLS library cannot be set up.
    #[error("the TLS library refuses the settings")]
    Library(#[source] rustls::Error),
}

/// The texts that can be wrong, as errors name them.
const ROOTS: &str = "file of root certificates";
const CHAIN: &str = "client certificate";
const KEY: &str = "client certificate's key";

/// A certificate and the key that proves it is one's own.
#[derive(Debug)]
pub(super) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    pub(super) fn read(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates(chain, CHAIN)?;
        check_pem(key, KEY)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            _ if is_locked(key) => TlsError::LockedKey,
            pem::Error::NoItemsFound => TlsError::NoKey,
            source => TlsError::Broken { what: KEY, source },
        })?;
        Ok(Self { chain, key })
    }
}

/// Both ways that OpenSSL writes a key with a password.
fn is_locked(key: &[u8]) -> bool {
    let text = String::from_utf8_lossy(key);
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED")
}

fn check_pem(text: &[u8], what: &'static str) -> Result<(), TlsError> {
    let found = text.windows(11).any(|window| window == b"-----BEGIN ");
    if found { Ok(()) } else { Err(TlsError::NotPem { what }) }
}

/// The certificates of a PEM text: at least one.
fn certificates(text: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    check_pem(text, what)?;
    let found = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|source| TlsError::Broken { what, source })?;
    if found.is_empty() { Err(TlsError::NoCertificate { what }) } else { Ok(found) }
}

/// Whose certificates are trusted.
#[derive(Debug)]
pub(super) struct Roots {
    own: RootCertStore,
    system: bool,
}

impl Roots {
    pub(super) fn of_the_system() -> Self {
        Self { own: RootCertStore::empty(), system: true }
    }

    /// Every certificate of a PEM text, beside those that are there.
    pub(super) fn add(&mut self, text: &[u8]) -> Result<(), TlsError> {
        for (index, certificate) in certificates(text, ROOTS)?.into_iter().enumerate() {
            let wrong = |source| TlsError::Certificate { what: ROOTS, number: index + 1, source };
            self.own.add(certificate).map_err(wrong)?;
        }
        Ok(())
    }

    pub(super) fn leave_out_the_system(&mut self) {
        self.system = false;
    }

    fn into_store(self) -> Result<RootCertStore, TlsError> {
        let mut store = self.own;
        if self.system {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        } else if store.is_empty() {
            return Err(TlsError::NoRoots);
        }
        Ok(store)
    }
}

/// What TLS is done with: towards services, and towards proxies, which need not know who the client is.
#[derive(Debug, Clone)]
pub(super) struct Configurations {
    pub(super) service: Arc<ClientConfig>,
    pub(super) proxy: Arc<ClientConfig>,
}

impl Configurations {
    /// `protocols` are offered to services, the better one first (RFC 7301).
    pub(super) fn new(roots: Roots, identity: Option<Identity>, protocols: &[&[u8]]) -> Result<Self, TlsError> {
        let roots = Arc::new(roots.into_store()?);
        let trusting = || {
            let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
            let versions = versions.with_safe_default_protocol_versions().map_err(TlsError::Library)?;
            Ok::<_, TlsError>(versions.with_root_certificates(Arc::clone(&roots)))
        };
        let mut service = match identity {
            Some(Identity { chain, key }) => trusting()?.with_client_auth_cert(chain, key).map_err(wrong_identity)?,
            None => trusting()?.with_no_client_auth(),
        };
        service.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        // A proxy is spoken to in HTTP/1.1: absolute requests and `CONNECT`.
        let mut proxy = trusting()?.with_no_client_auth();
        proxy.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { service: Arc::new(service), proxy: Arc::new(proxy) })
    }
}

fn wrong_identity(error: rustls::Error) -> TlsError {
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::KeyDoesNotFit,
        source @ rustls::Error::InvalidCertificate(_) => TlsError::Certificate { what: CHAIN, number: 1, source },
        source => TlsError::UnusableKey(source),
    }
}
