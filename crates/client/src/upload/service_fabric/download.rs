//! Reading a file back, at the services that offer it.

use http::StatusCode;
use pentaprism_core::Body;
use pentaprism_core::dialects::service_fabric::download::{Download, DownloadError, DownloadOk};
use pentaprism_core::dialects::service_fabric::models::{FabricErrorCode, FileInfo, ImageStoreContent};

use super::error::{FabricDownloadError, code, is_unsupported};
use super::session::{list, sending_seconds, the_file, version};
use crate::dialects::service_fabric::ServiceFabricClient;
use crate::upload::checked::Promise;
use crate::{Error, Transport};

impl<T: Transport> ServiceFabricClient<T> {
    /// The file at `path`, from byte `from` on, and what the service tells of it.
    ///
    /// Reading is an extension of Pentaprism: Service Fabric's own API has none. When the body breaks off, another call with `from`
    /// behind what came goes on, if the version of the file is still the same.
    ///
    /// ```no_run
    /// # use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
    /// # async fn example<T: pentaprism_client::Transport>(client: ServiceFabricClient<T>) -> Result<(), Box<dyn std::error::Error>> {
    /// let (file, mut body) = client.download_file("Images/windows.vhdx", 0).await?;
    /// println!("{:?} bytes", file.file_size);
    /// while let Some(piece) = body.data().await.transpose()? {
    ///     println!("{} more", piece.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`FabricDownloadError`]; the body has errors of its own.
    pub async fn download_file(&self, path: &str, from: u64) -> Result<(FileInfo, Body), FabricDownloadError> {
        let found = list(self, path).await.map_err(|error| FabricDownloadError::List(Box::new(error)))?;
        let content = found.ok_or(FabricDownloadError::NotFound)?;
        let folder = is_folder(&content);
        let missing = if folder { FabricDownloadError::Folder } else { FabricDownloadError::NotFound };
        let file = the_file(content, path).ok_or(missing)?;
        let size = file.file_size.map_or(0, |size| size.0);
        if from > size {
            return Err(FabricDownloadError::BeyondEnd { size, from });
        }
        if from == size && from > 0 {
            return Ok((file, Body::empty()));
        }
        let input = Download {
            content_path: path.to_owned(),
            range: (from > 0).then(|| format!("bytes={from}-")),
            timeout: Some(sending_seconds(Some(size))),
            ..Download::default()
        };
        let (ok, body) = self.download(&input).await.map_err(refused)?;
        let told = match ok {
            DownloadOk::Ok { .. } => http_body::Body::size_hint(&body).exact().map(whole),
            DownloadOk::PartialContent { content_range, .. } => Some(content_range),
            // Nothing was asked for that could be so.
            DownloadOk::NotModified { .. } => Some("none, as if they were known".to_owned()),
        };
        let expected = if from == 0 { whole(size) } else { format!("bytes {from}-{}/{size}", size - 1) };
        match told {
            Some(found) if found != expected => Err(FabricDownloadError::OtherBytes { from, size, found }),
            None if from > 0 => {
                Err(FabricDownloadError::OtherBytes { from, size, found: "of the whole file".to_owned() })
            }
            _ => {
                // The part shall go on with bytes of the version that is told. There is nothing that a whole file must fit to.
                if from > 0 && self.file_now(path).await?.as_ref().map(version) != Some(version(&file)) {
                    return Err(FabricDownloadError::OtherBytes { from, size, found: "of another version".to_owned() });
                }
                // An answer that ends with its connection does not say itself where it should have ended.
                let length = file.file_size.is_some().then(|| size - from);
                Ok((file, Promise { length, digest: None }.over(body)))
            }
        }
    }

    async fn file_now(&self, path: &str) -> Result<Option<FileInfo>, FabricDownloadError> {
        let found = list(self, path).await.map_err(|error| FabricDownloadError::List(Box::new(error)))?;
        Ok(found.and_then(|content| the_file(content, path)))
    }
}

/// How a whole file is called in an error.
fn whole(length: u64) -> String {
    format!("0 to the end of {length}")
}

/// Whether a listing has more to show than one file.
fn is_folder(content: &ImageStoreContent) -> bool {
    let files = content.store_files.as_ref().map_or(0, Vec::len);
    files > 0 || content.store_folders.as_ref().is_some_and(|folders| !folders.is_empty())
}

/// The file is listed: a service that does not find it then, and does not say that it went, does not know the operation.
fn refused(error: Error<DownloadError>) -> FabricDownloadError {
    let gone = code(&error) == Some(&FabricErrorCode::FabricEFileNotFound);
    if is_unsupported(&error) || (error.status() == Some(StatusCode::NOT_FOUND) && !gone) {
        return FabricDownloadError::NoDownload;
    }
    FabricDownloadError::Download(Box::new(error))
}
