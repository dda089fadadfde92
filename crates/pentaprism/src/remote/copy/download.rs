//! From a service to this machine. A transfer that breaks off goes on where it was, as long as the service has the same bytes.

use std::io;
use std::path::Path;
use std::sync::Arc;

use pentaprism_client::upload::{Difference, Digest};
use pentaprism_core::BodyError;

use super::Copier;
use super::journal::{DownloadNote, Subject};
use super::place::{Existing, PartFile, exists};
use super::write::{Writer, told};
use crate::remote::failure::{Failure, FailureKind};
use crate::remote::report::{Copied, Transfer};
use crate::remote::service::{Fetched, Remote};

/// How often a broken transfer is continued without a single new byte in between.
const FRUITLESS: u32 = 5;

/// What a whole transfer came to.
struct Arrived {
    bytes: u64,
    verified: Option<&'static str>,
}

impl Copier {
    /// Downloads to a file. `target` is a folder when the source has no name of its own: then the service's name is used.
    pub(super) async fn download_file(&self, from: &dyn Remote, target: &Path) -> Result<Copied, Failure> {
        let mut fetched = None;
        let mut target = target.to_owned();
        if target.is_dir() {
            let first = from.get(0).await?;
            target.push(safe_name(&first, from));
            fetched = Some(first);
        }
        if self.existing == Existing::Refuse && target.symlink_metadata().is_ok() {
            return Err(exists(&target));
        }
        let full = std::path::absolute(&target).unwrap_or_else(|_| target.clone());
        let place = from.address().place.to_string();
        let subject = Subject { kind: "download", server: from.server(), place: &place, file: &full };
        let note: Option<DownloadNote> =
            self.journal.as_ref().filter(|_| self.resume).and_then(|journal| journal.recall(subject));
        let mut part = PartFile::open(&target, note.is_some())?;
        let fetched = match (fetched, &note) {
            (Some(fetched), None) => fetched,
            (_, Some(note)) if part.held() > 0 => self.go_on(from, &mut part, note).await?,
            _ => from.get(0).await?,
        };
        if let (Some(journal), Some(version)) = (&self.journal, &fetched.version) {
            // Without the note the download works all the same; it only cannot be gone on with.
            let _not_noted = journal.note(subject, &DownloadNote { version: version.clone() });
        }
        let resumable = fetched.version.is_some() && self.journal.is_some();
        let arrived = self.fetch_into(from, fetched, &part, &target.display().to_string()).await;
        match arrived {
            Ok(arrived) => {
                part.finish(self.existing)?;
                if let Some(journal) = &self.journal {
                    journal.forget(subject, self.session.clock.now());
                }
                let to = target.display().to_string();
                Ok(Copied {
                    from: from.address().to_string(),
                    to,
                    bytes: arrived.bytes,
                    verified: arrived.verified,
                    entry: None,
                })
            }
            Err(failure) if resumable && failure.kind != FailureKind::Differs => {
                Err(failure.cause("what arrived so far is kept").advise("--resume goes on with it"))
            }
            Err(failure) => {
                part.discard();
                Err(failure)
            }
        }
    }

    /// Downloads to standard output.
    pub(super) async fn download_output(&self, from: &dyn Remote) -> Result<Copied, Failure> {
        let fetched = from.get(0).await?;
        let arrived = self.fetch(from, fetched, io::stdout(), "standard output").await?;
        let from = from.address().to_string();
        Ok(Copied { from, to: "-".to_owned(), bytes: arrived.bytes, verified: arrived.verified, entry: None })
    }

    /// The rest of a download of an earlier run, or all of it when the service has other bytes by now.
    async fn go_on(&self, from: &dyn Remote, part: &mut PartFile, note: &DownloadNote) -> Result<Fetched, Failure> {
        let failed = |error| Failure::local("what an earlier run left cannot be read", &error);
        let rest = from.get(part.held()).await;
        match rest {
            Ok(rest) if rest.version.as_ref() == Some(&note.version) && rest.from == part.held() => Ok(rest),
            // Such as a range behind the end.
            Ok(_) | Err(Failure { kind: FailureKind::Refused, .. }) => {
                part.cut(0).map_err(failed)?;
                from.get(0).await
            }
            Err(failure) => Err(failure),
        }
    }

    /// Fetches into a part, whose bytes from an earlier run count for the check sum.
    async fn fetch_into(
        &self,
        from: &dyn Remote,
        fetched: Fetched,
        part: &PartFile,
        label: &str,
    ) -> Result<Arrived, Failure> {
        let handle = part.handle().map_err(|error| Failure::local(format!("{label} cannot be written"), &error))?;
        self.fetch(from, fetched, handle, label).await
    }

    async fn fetch(
        &self,
        from: &dyn Remote,
        fetched: Fetched,
        output: impl io::Write + Send + 'static,
        label: &str,
    ) -> Result<Arrived, Failure> {
        let (begin, length) = (fetched.from, fetched.length);
        // What an earlier run has written would have to be read again; the length says enough then.
        let checked = self.options.verify && begin == 0;
        let wanted = told(&fetched.checksums).filter(|_| checked);
        let transfer = self.session.reporter.transfer(&from.address().to_string(), label, length);
        transfer.begin_at(begin);
        let mut writer = Writer::start(output, wanted.as_ref().map(|wanted| wanted.algorithm.begin()));
        let moved = self.follow(from, fetched, &mut writer, &transfer).await;
        transfer.end(moved.is_ok());
        let written = begin + writer.written();
        let finished = writer.finish().await;
        let found = finished.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::unread(),
            _ => Failure::local(format!("{label} cannot be written"), &error),
        })?;
        moved?;
        let verified = compare(from, length, written, wanted.zip(found))?;
        Ok(Arrived { bytes: written, verified: verified.or_else(|| length.map(|_| "size")) })
    }

    /// Takes the body, and after a break the rest of it, as long as each try brings something new.
    async fn follow(
        &self,
        from: &dyn Remote,
        fetched: Fetched,
        writer: &mut Writer,
        transfer: &Arc<Transfer>,
    ) -> Result<(), Failure> {
        let Fetched { from: begin, length, version, mut body, .. } = fetched;
        let mut fruitless = 0;
        loop {
            let before = writer.written();
            let Err(error) = writer.take(body, |bytes| transfer.received(bytes)).await else { return Ok(()) };
            fruitless = if writer.written() > before { 0 } else { fruitless + 1 };
            if version.is_none() || fruitless > FRUITLESS || self.session.retries == 0 {
                return Err(broken(from, &error));
            }
            self.session.clock.sleep(super::pause(fruitless)).await;
            let at = begin + writer.written();
            let rest = from.get(at).await?;
            if rest.version != version || rest.length != length || rest.from != at {
                let failure = broken(from, &error).cause("when asked for the rest, the service had other bytes");
                return Err(failure.advise("copy it again from the start"));
            }
            body = rest.body;
        }
    }
}

fn broken(from: &dyn Remote, error: &BodyError) -> Failure {
    let what = format!("the download of {} from {} broke off", from.address(), from.server());
    Failure::new(FailureKind::BrokenOff, what).because(error)
}

/// Compares what arrived with what the service says of it. Gives the check sum's name when there was one.
fn compare(
    from: &dyn Remote,
    length: Option<u64>,
    written: u64,
    digests: Option<(Digest, Digest)>,
) -> Result<Option<&'static str>, Failure> {
    let difference = match (length, digests) {
        (Some(expected), _) if expected != written => Difference::Length { expected, got: written },
        (_, Some((expected, got))) if expected != got => Difference::Digest { expected, got },
        (_, digests) => return Ok(digests.map(|(digest, _)| digest.algorithm.name())),
    };
    let what = format!("what arrived of {} is not what {} has", from.address(), from.server());
    Err(Failure::new(FailureKind::Differs, what).because(&difference).advise("nothing was kept; copy it again"))
}

/// A name for the local file that cannot lead out of its folder.
fn safe_name(fetched: &Fetched, from: &dyn Remote) -> String {
    let given = fetched.file_name.as_deref().unwrap_or_default();
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let usable = !last.is_empty() && last != "." && last != ".." && !last.chars().any(char::is_control);
    if usable { last.to_owned() } else { from.address().place.to_string().replace([':', '/'], "-") }
}
