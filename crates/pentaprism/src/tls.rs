//! The certificate that the server shows, read once at its start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What is offered to clients that ask for a protocol, the better one first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why connections cannot be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates cannot be read.
    #[error("the certificate `{}` cannot be read; name a PEM file, the server's own certificate first", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// The file holds no certificate.
    #[error("the file `{}` holds no certificate; name a PEM file with one", .0.display())]
    NoCertificate(PathBuf),
    /// The key cannot be read.
    #[error("the key `{}` cannot be read; name a PEM file with an unencrypted private key", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// The two do not go together.
    #[error("certificate and key do not go together; name the key that the certificate was made for")]
    Pair(#[source] rustls::Error),
}

/// The configuration of a server that shows the certificates in one PEM file and has the key in another.
///
/// # Errors
/// [`TlsError`].
pub fn configuration(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let wrong = |source| TlsError::Certificate { path: certificate.to_owned(), source };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(wrong)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(certificate.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::Key { path: key.to_owned(), source })?;
    let versions = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let versions = versions.with_safe_default_protocol_versions().map_err(TlsError::Pair)?;
    let mut configuration = versions.with_no_client_auth().with_single_cert(chain, key).map_err(TlsError::Pair)?;
    configuration.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(Arc::new(configuration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate = write("certificate.pem", &made.cert.pem());
        let key = write("key.pem", &made.signing_key.serialize_pem());
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let foreign = write("foreign.pem", &other.signing_key.serialize_pem());
        let empty = write("empty.pem", "");
        assert_eq!(configuration(&certificate, &key).unwrap().alpn_protocols, PROTOCOLS);
        for (certificate, key, expected) in [
            (folder.path().join("none"), key.clone(), "none` cannot be read; name a PEM file, the server's"),
            (empty.clone(), key, "holds no certificate"),
            (certificate.clone(), empty, "with an unencrypted private key"),
            (certificate, foreign, "certificate and key do not go together"),
        ] {
            let error = configuration(&certificate, &key).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
