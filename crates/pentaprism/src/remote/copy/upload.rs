//! From this machine, or from another service, to a service.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use pentaprism_client::upload::service_fabric::FabricUploadOptions;
use pentaprism_client::{Source, SourceError};
use pentaprism_core::Body;
use uuid::Uuid;

use super::journal::{FileVersion, Subject, UploadNote};
use super::{Copier, write};
use crate::pictures::USUAL_MAX_PIXELS;
use crate::remote::address::Place;
use crate::remote::failure::{Failure, FailureKind};
use crate::remote::report::Copied;
use crate::remote::service::{PutOptions, Remote, Upload};

/// The largest picture that is turned into PNG, in bytes.
const PICTURE_LIMIT: u64 = 64 << 20;

impl Copier {
    /// Uploads a local file.
    pub(super) async fn upload_file(&self, file: &Path, to: &dyn Remote) -> Result<Copied, Failure> {
        let before = version_of(file);
        let source = Source::file(file).await.map_err(|error| unreadable(file, &error))?;
        let label = file.display().to_string();
        let name = file.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        if self.to_png {
            return self.upload_picture(source, label, name, to).await;
        }
        let full = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let place = to.address().place.to_string();
        let subject = Subject::Upload { server: to.server(), place: &place, file: &full };
        // The same before and after it was opened: it is the version of the file that is open.
        let version = before.filter(|before| version_of(file).as_ref() == Some(before));
        let session =
            version.filter(|version| goes_in_chunks(to, version)).and_then(|version| self.session(subject, version));
        let options = PutOptions { session, ..self.options.clone() };
        let copied = self.put(source, label, name, options, to).await;
        if copied.is_ok() && session.is_some() {
            self.forget(subject);
        }
        copied
    }

    /// Uploads standard input, whose length nobody knows.
    pub(super) async fn upload_input(&self, to: &dyn Remote) -> Result<Copied, Failure> {
        let source = Source::once(write::read(std::io::stdin()), None);
        let label = "standard input".to_owned();
        if self.to_png {
            return self.upload_picture(source, label, None, to).await;
        }
        self.put(source, label, None, self.options.clone(), to).await
    }

    /// Uploads what is at another service, as it comes.
    pub(super) async fn relay(&self, from: &dyn Remote, to: &dyn Remote) -> Result<Copied, Failure> {
        let fetched = from.get(0).await?;
        let source = Source::once(fetched.body, fetched.length);
        let label = from.address().to_string();
        if self.to_png {
            return self.upload_picture(source, label, fetched.file_name, to).await;
        }
        self.put(source, label, fetched.file_name, self.options.clone(), to).await
    }

    /// Turns a picture into PNG before it is uploaded.
    async fn upload_picture(
        &self,
        source: Source,
        label: String,
        name: Option<String>,
        to: &dyn Remote,
    ) -> Result<Copied, Failure> {
        let body = source.body().await.map_err(|error| Failure::new(FailureKind::Local, &label).because(&error))?;
        let png = self.png_of(body, &label).await?;
        let name = name.map(|name| Path::new(&name).with_extension("png").to_string_lossy().into_owned());
        self.put(Source::bytes(png), label, name, self.options.clone(), to).await
    }

    /// The picture of `body` as PNG.
    pub(super) async fn png_of(&self, body: Body, label: &str) -> Result<Bytes, Failure> {
        let refused = || Failure::new(FailureKind::Usage, format!("{label} cannot be turned into PNG"));
        let picture = body.collect(PICTURE_LIMIT).await.map_err(|error| refused().because(&error))?;
        let png = self.pictures.to_png(picture, USUAL_MAX_PIXELS).await;
        png.map_err(|error| refused().because(&error).advise("PNG, JPEG and GIF can be turned into PNG"))
    }

    async fn put(
        &self,
        source: Source,
        label: String,
        file_name: Option<String>,
        options: PutOptions,
        to: &dyn Remote,
    ) -> Result<Copied, Failure> {
        let transfer = self.session.reporter.transfer(&label, &to.address().to_string(), source.length());
        let source = source.with_progress(Arc::clone(&transfer) as Arc<dyn pentaprism_client::Progress>);
        let placed = to.put(Upload { source, file_name, options }).await;
        transfer.end(placed.is_ok());
        let placed = placed?;
        Ok(Copied {
            from: label,
            to: placed.address.to_string(),
            bytes: placed.bytes,
            verified: placed.verified,
            entry: Some(placed.entry),
        })
    }

    /// The upload session of a file: the one that an earlier run noted, if it is to go on, else a new one, which is noted.
    fn session(&self, subject: Subject<'_>, file: FileVersion) -> Option<Uuid> {
        let journal = self.journal.as_ref()?;
        let noted: Option<UploadNote> = if self.resume { journal.recall(subject) } else { None };
        if let Some(note) = noted.filter(|note| note.file == file) {
            return Some(note.session);
        }
        let session = self.ids.next();
        // Without the note the upload works all the same; it only cannot be gone on with.
        let noted = journal.note(subject, &UploadNote { session, file });
        noted.is_ok().then_some(session)
    }
}

/// The version of the file that has a name now.
fn version_of(file: &Path) -> Option<FileVersion> {
    std::fs::metadata(file).ok().map(|metadata| FileVersion::from(&metadata))
}

/// Whether a file goes to `to` under a session that another run can go on with.
fn goes_in_chunks(to: &dyn Remote, file: &FileVersion) -> bool {
    matches!(to.address().place, Place::ServiceFabric(_))
        && file.length > FabricUploadOptions::default().single_put_limit
}

fn unreadable(file: &Path, error: &SourceError) -> Failure {
    let failure = Failure::new(FailureKind::Local, format!("{} cannot be uploaded", file.display())).because(error);
    match error {
        SourceError::NotAFile(path) if path.is_dir() => failure.advise("-r copies folders, to Service Fabric"),
        SourceError::NotAFile(_) => failure.advise("write `-` and redirect standard input from it"),
        _ => failure,
    }
}
