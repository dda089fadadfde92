//! A place at a service as the commands see it, whichever of the five APIs it speaks.

mod azure_sphere;
mod connections;
mod glance;
mod pingone;
mod saved_views;
mod service_fabric;
mod spot;
mod unfilled;
mod witness;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use pentaprism_client::dialects::azure_sphere::AzureSphereClient;
use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::dialects::pingone::PingoneClient;
use pentaprism_client::dialects::saved_views::SavedViewsClient;
use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
use pentaprism_client::{BaseUrl, Credential, Retry, Source, Transport};
use pentaprism_core::Body;
use pentaprism_store::RandomIds;
use uuid::Uuid;

use self::azure_sphere::AzureSphere;
use self::glance::Glance;
use self::pingone::Pingone;
use self::saved_views::SavedViews;
use self::service_fabric::ServiceFabric;
use self::spot::Spot;
use super::address::{Address, Place};
use super::entry::Entry;
use super::failure::Failure;
use super::profiles::Places;
use super::session::Session;
use super::unfinished::Unfinished;

pub use self::connections::Connections;
pub use self::service_fabric::MARK;

/// What an operation of a [`Remote`] comes to, sooner or later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// Takes the entries of a listing, one after the other. A failure of its own ends the listing.
pub type Taker<'a> = &'a mut (dyn FnMut(Entry) -> Result<(), Failure> + Send);

/// One place at one service: an image, a file, a folder, a view, or all of them.
///
/// What the API of a service does not have is a failure of kind [`NotSupported`](super::failure::FailureKind::NotSupported)
/// that says so.
pub trait Remote: Send + Sync {
    /// How the place is written.
    fn address(&self) -> &Address;

    /// Which service it is, for messages: a URL without anything secret.
    fn server(&self) -> &str;

    /// Uploads an image to the place, and waits until the service says that it is whole.
    fn put(&self, upload: Upload) -> Answer<'_, Placed>;

    /// Reads what is there, from byte `from` on where the service has ranges.
    fn get(&self, from: u64) -> Answer<'_, Fetched>;

    /// Lists what is at the place, page by page.
    fn list<'a>(&'a self, query: &'a ListQuery, take: Taker<'a>) -> Answer<'a, ()>;

    /// What the service says of what is there.
    fn stat(&self) -> Answer<'_, Entry>;

    /// Deletes what is there; what is more than its address says, a folder or a whole view, only when `recursive`.
    fn remove(&self, recursive: bool) -> Answer<'_, ()>;

    /// Resolves when what is there is whole, or with `gone` when nothing is there any more. The deadline is the caller's.
    fn wait(&self, gone: bool) -> Answer<'_, Option<Entry>>;
}

/// What is uploaded, and how.
#[derive(Debug)]
pub struct Upload {
    /// The bytes. Progress is told through them.
    pub source: Source,
    /// What the file is called where it comes from, without folders.
    pub file_name: Option<String>,
    /// How.
    pub options: PutOptions,
}

/// How an image is uploaded. Each API takes of it what it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// Glance: the image's name, instead of the one in its address.
    pub name: Option<String>,
    /// Glance: the format of the disk, `raw` unless the file's name says another.
    pub disk_format: Option<String>,
    /// Glance: the format around it, `bare` without.
    pub container_format: Option<String>,
    /// Glance: who sees it.
    pub visibility: Option<String>,
    /// Glance: further properties, names and values.
    pub properties: Vec<(String, String)>,
    /// `PingOne`: the picture's media type, instead of what its bytes say.
    pub media_type: Option<String>,
    /// `PingOne`: the name of the file in its link, instead of the source's.
    pub file_name: Option<String>,
    /// Whether to compare what arrived with what was sent by more than its length.
    pub verify: bool,
    /// Whether to wait until the service has worked the upload off.
    pub wait: bool,
    /// Service Fabric: the upload session to continue, or to begin with this id.
    pub session: Option<Uuid>,
    /// Service Fabric: chunks under way at once; the client's default without.
    pub parallel: Option<usize>,
}

/// An upload that is whole.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Where it is now: with the id that the service gave it.
    pub address: Address,
    /// What the service says of it.
    pub entry: Entry,
    /// How many bytes were uploaded.
    pub bytes: u64,
    /// By what it was compared with what was sent: `md5`, `size`, `bytes read back`.
    pub verified: Option<&'static str>,
}

/// What is read of a place.
#[derive(Debug)]
pub struct Fetched {
    /// Where the body begins: what was asked for, or 0 where the service has no ranges.
    pub from: u64,
    /// The length of the whole in bytes, if the service says it.
    pub length: Option<u64>,
    /// The type of the bytes, if the service says it.
    pub media_type: Option<String>,
    /// What a local file would be called.
    pub file_name: Option<String>,
    /// The same text means the same bytes, so that a transfer that broke off can go on.
    pub version: Option<String>,
    /// Check sums of the whole that the service tells.
    pub checksums: Vec<Checksum>,
    /// The bytes.
    pub body: Body,
}

/// A check sum of a whole image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// `md5`, `sha256`, `sha512`, as the service calls it.
    pub algorithm: String,
    /// In lower-case hexadecimal digits.
    pub digits: String,
}

/// What a listing shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Also what is in folders of folders.
    pub recursive: bool,
    /// At most this many entries.
    pub limit: Option<u64>,
    /// Only those of this name.
    pub name: Option<String>,
    /// In which order: `name`, `created_at:desc`, as the API takes it.
    pub sort: Option<String>,
}

/// The place that `address` names. Nothing is asked of the service yet, except that Keystone may have to say where it is.
///
/// # Errors
/// [`Failure`] when it is not known where the service is or how to be let in, or when a file of its profile is wrong.
pub async fn open(address: &Address, session: &Session) -> Result<Box<dyn Remote>, Failure> {
    let connection = session.connections.of(address, session)?;
    let base = session.connections.base(address, &connection, session).await?;
    Ok(bound(
        address,
        Way {
            transport: connection.transport().clone(),
            base,
            credential: connection.credential().clone(),
            retry: session.retry(),
            places: connection.places(),
            server: connection.server(),
            unfinished: session.unfinished.clone(),
        },
    ))
}

/// How a service is called.
struct Way<'a, T> {
    transport: T,
    base: BaseUrl,
    credential: Credential,
    retry: Retry,
    places: &'a Places,
    server: &'a str,
    /// Where operations say how they are taken back.
    unfinished: Unfinished,
}

/// The place that `address` names, called as `way` says.
fn bound<T: Transport + 'static>(address: &Address, way: Way<'_, T>) -> Box<dyn Remote> {
    let Way { transport, base, credential, retry, places, server, unfinished } = way;
    let spot = Spot { address: address.clone(), server: server.to_owned() };
    match &address.place {
        Place::Glance(name) => {
            let client = GlanceClient::new(transport, base, credential).with_retry(retry);
            Box::new(Glance::new(client, spot, name, Arc::new(RandomIds), unfinished))
        }
        Place::AzureSphere(id) => {
            let client = AzureSphereClient::new(transport, base, credential).with_retry(retry);
            Box::new(AzureSphere::new(client, spot, places.tenant.clone(), id.clone()))
        }
        Place::SavedViews { view, thumbnail } => {
            let client = SavedViewsClient::new(transport, base, credential).with_retry(retry);
            Box::new(SavedViews::new(client, spot, places, view.clone(), *thumbnail))
        }
        Place::Pingone(id) => {
            let client = PingoneClient::new(transport, base, credential).with_retry(retry);
            Box::new(Pingone::new(client, spot, places.environment.clone(), id.clone()))
        }
        Place::ServiceFabric(path) => {
            let client = ServiceFabricClient::new(transport, base, credential).with_retry(retry);
            Box::new(ServiceFabric::new(client, spot, path))
        }
    }
}

#[cfg(test)]
mod tests;
