//! One file: in one request if it is small, else in chunks.

use std::sync::Arc;

use pentaprism_core::dialects::service_fabric::upload_file::UploadFile;
use tokio::sync::{Semaphore, watch};

use super::error::FabricUploadError;
use super::ledger::Ledger;
use super::session::{Session, list, sending_seconds, the_file};
use super::transfer::{Course, Stop, Transfer};
use super::{FabricUploadOptions, UploadedFile, Way};
use crate::dialects::service_fabric::ServiceFabricClient;
use crate::{Source, Transport};

impl<T: Transport> ServiceFabricClient<T> {
    /// Uploads a file to `path`, replacing what is there.
    ///
    /// A file up to [`FabricUploadOptions::single_put_limit`] goes in one request, as does a stream. A larger one goes in chunks
    /// under an upload session: what a broken connection swallowed is asked for, only what the service lacks is sent again, and the
    /// file appears at once when all is there. When a run was killed, another with the same
    /// [`session`](FabricUploadOptions::session) goes on where it ended. Clusters that have no sessions get one request.
    ///
    /// ```no_run
    /// use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
    /// use pentaprism_client::upload::service_fabric::FabricUploadOptions;
    /// use pentaprism_client::{Credential, HyperTransport, Source};
    /// use uuid::Uuid;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = ServiceFabricClient::new(HyperTransport::new()?, "http://localhost:19080".parse()?, Credential::none());
    /// // Note the session before, and a second run goes on with it.
    /// let session = Uuid::new_v4();
    /// let options = FabricUploadOptions::resumable(session);
    /// let image = Source::file("windows.vhdx").await?;
    /// let uploaded = client.upload("Images/windows.vhdx", image, &options).await?;
    /// println!("{} bytes in vain", uploaded.bytes_in_vain);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`FabricUploadError`]. The path then has the file that it had before, unless only the look at the result failed.
    pub async fn upload(
        &self,
        path: &str,
        source: impl Into<Source>,
        options: &FabricUploadOptions,
    ) -> Result<UploadedFile, FabricUploadError> {
        let slots = Semaphore::new(options.parallel.get());
        upload(self, path, source.into(), options, &slots).await
    }
}

/// Uploads a file whose requests take their turns with others.
pub(super) async fn upload<T: Transport>(
    client: &ServiceFabricClient<T>,
    path: &str,
    source: Source,
    options: &FabricUploadOptions,
    slots: &Semaphore,
) -> Result<UploadedFile, FabricUploadError> {
    let ledger = Arc::new(Ledger::new(source.progress()));
    let source = source.with_progress(ledger.clone());
    let chunked = source.length().filter(|length| source.can_be_read_again() && *length > options.single_put_limit);
    let mut way = None;
    if let Some(length) = chunked {
        let id = options.session.unwrap_or_else(|| (options.new_session)());
        let session = Session { client, path, id, length };
        let (source, ledger, held) = (source.clone(), ledger.clone(), watch::Sender::new(false));
        let transfer = Transfer { session, source, ledger, options, slots, held };
        match transfer.run().await {
            Ok(Course { chunks, resumed, .. }) => {
                way = Some(Way::Chunks { session: id, chunks, bytes_resumed: resumed });
            }
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::Unsupported) => {}
        }
    }
    let way = match way {
        Some(way) => way,
        None => put(client, path, &source, slots).await?,
    };
    let mut uploaded =
        UploadedFile { path: path.to_owned(), size: source.length(), file: None, way, bytes_in_vain: ledger.in_vain() };
    if options.verify {
        verify(client, &mut uploaded).await?;
    }
    Ok(uploaded)
}

async fn put<T: Transport>(
    client: &ServiceFabricClient<T>,
    path: &str,
    source: &Source,
    slots: &Semaphore,
) -> Result<Way, FabricUploadError> {
    let _slot = slots.acquire().await;
    let input = UploadFile {
        content_path: path.to_owned(),
        timeout: Some(sending_seconds(source.length())),
        ..UploadFile::default()
    };
    let sent = client.upload_file(&input, source.clone()).await;
    sent.map(|_| Way::Put).map_err(|error| FabricUploadError::Put(Box::new(error)))
}

/// Looks the file up.
async fn verify<T: Transport>(
    client: &ServiceFabricClient<T>,
    uploaded: &mut UploadedFile,
) -> Result<(), FabricUploadError> {
    let found = list(client, &uploaded.path).await.map_err(|error| FabricUploadError::List(Box::new(error)))?;
    uploaded.file = found.and_then(|content| the_file(content, &uploaded.path));
    check(uploaded)
}

/// Compares the size that was sent with the one that the service tells.
pub(super) fn check(uploaded: &mut UploadedFile) -> Result<(), FabricUploadError> {
    let found = uploaded.file.as_ref().and_then(|file| file.file_size).map(|size| size.0);
    match (uploaded.size, found) {
        (sent, None) => Err(FabricUploadError::NotThere { length: sent.unwrap_or_default() }),
        (Some(sent), Some(found)) if sent != found => Err(FabricUploadError::OtherSize { sent, found }),
        (_, Some(found)) => {
            uploaded.size = Some(found);
            Ok(())
        }
    }
}
