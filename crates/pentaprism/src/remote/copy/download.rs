//! From a service to this machine. A transfer that breaks off goes on where it was, as long as the service has the same bytes.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use pentaprism_client::upload::{Difference, Digest};
use pentaprism_core::{Body, BodyError};

use super::Copier;
use super::journal::{DownloadNote, Subject};
use super::place::{Destination, Existing, PartFile, destination, exists};
use super::write::{self, Writer, told};
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
        let mut first = None;
        let mut target = target.to_owned();
        if target.is_dir() {
            let fetched = from.get(0).await?;
            target.push(safe_name(&fetched, from));
            first = Some(fetched);
        }
        let label = target.display().to_string();
        let arrived = match destination(&target)? {
            Destination::Stream(stream) => {
                let failed = |error| Failure::local(format!("{label} cannot be written"), &error);
                let output = std::fs::OpenOptions::new().write(true).open(stream).map_err(failed)?;
                let fetched = self.begin(from, first).await?;
                self.fetch(from, fetched, output, None, &label).await?
            }
            Destination::File(_) if self.existing == Existing::Refuse && target.symlink_metadata().is_ok() => {
                return Err(exists(&target));
            }
            Destination::File(file) => self.download_whole(from, &file, first).await?,
        };
        let from = from.address().to_string();
        Ok(Copied { from, to: label, bytes: arrived.bytes, verified: arrived.verified, entry: None })
    }

    /// Downloads to a file that gets its name at the end.
    async fn download_whole(
        &self,
        from: &dyn Remote,
        target: &Path,
        first: Option<Fetched>,
    ) -> Result<Arrived, Failure> {
        let failed = |error: io::Error| Failure::local(format!("{} cannot be written", target.display()), &error);
        let full = std::path::absolute(target).map_err(failed)?;
        let subject = Subject::Download(&full);
        let mut part = PartFile::open(target)?;
        let fetched = if let Some(note) = self.noted(subject, from, &part) {
            part.keep();
            self.go_on(from, &mut part, &note).await?
        } else {
            part.cut(0).map_err(failed)?;
            self.begin(from, first).await?
        };
        let resumable = self.note(subject, from, &fetched, &mut part);
        let label = target.display().to_string();
        let held = if part.held() > 0 { Some(part.handle().map_err(failed)?) } else { None };
        let output = part.handle().map_err(failed)?;
        match self.fetch(from, fetched, output, held, &label).await {
            Ok(arrived) => {
                part.finish(self.existing)?;
                self.forget(subject);
                Ok(arrived)
            }
            Err(failure) if resumable && failure.kind != FailureKind::Differs => {
                Err(failure.cause("what arrived so far is kept").advise("--resume goes on with it"))
            }
            Err(failure) => {
                part.discard();
                self.forget(subject);
                Err(failure)
            }
        }
    }

    /// Downloads to standard output.
    pub(super) async fn download_output(&self, from: &dyn Remote) -> Result<Copied, Failure> {
        let fetched = self.begin(from, None).await?;
        let arrived = self.fetch(from, fetched, io::stdout(), None, "standard output").await?;
        let from = from.address().to_string();
        Ok(Copied { from, to: "-".to_owned(), bytes: arrived.bytes, verified: arrived.verified, entry: None })
    }

    /// A download from its first byte, of a picture as PNG when that is asked for.
    async fn begin(&self, from: &dyn Remote, first: Option<Fetched>) -> Result<Fetched, Failure> {
        let fetched = match first {
            Some(fetched) => fetched,
            None => from.get(0).await?,
        };
        if !self.to_png {
            return Ok(fetched);
        }
        let png = self.png_of(fetched.body, &from.address().to_string()).await?;
        let (length, body) = (Some(png.len() as u64), Body::from(png));
        Ok(Fetched { from: 0, length, version: None, checksums: Vec::new(), body, ..fetched })
    }

    /// What an earlier run noted of this very part, when it is to go on.
    fn noted(&self, subject: Subject<'_>, from: &dyn Remote, part: &PartFile) -> Option<DownloadNote> {
        let journal = self.journal.as_ref().filter(|_| self.resume && !self.to_png && part.held() > 0)?;
        let note: DownloadNote = journal.recall(subject)?;
        let same = note.server == from.server() && note.place == from.address().place.to_string();
        (same && part.inode().is_ok_and(|inode| inode == note.inode)).then_some(note)
    }

    /// Notes before the first byte what the part is going to hold, so that another run can go on. Whatever was noted before is not
    /// true of the part any more.
    fn note(&self, subject: Subject<'_>, from: &dyn Remote, fetched: &Fetched, part: &mut PartFile) -> bool {
        let (Some(journal), Some(version), Ok(inode)) = (&self.journal, &fetched.version, part.inode()) else {
            self.forget(subject);
            return false;
        };
        let (server, place) = (from.server().to_owned(), from.address().place.to_string());
        let noted = journal.note(subject, &DownloadNote { server, place, version: version.clone(), inode }).is_ok();
        if noted {
            part.keep();
        } else {
            self.forget(subject);
        }
        noted
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

    /// Fetches to `output`. What an earlier run has written, which can be read from `held`, is compared with the rest.
    async fn fetch(
        &self,
        from: &dyn Remote,
        fetched: Fetched,
        output: impl io::Write + Send + 'static,
        held: Option<File>,
        label: &str,
    ) -> Result<Arrived, Failure> {
        let (begin, length) = (fetched.from, fetched.length);
        // Bytes of two runs are always compared with the service's check sum, if it tells one.
        let wanted = told(&fetched.checksums).filter(|_| self.options.verify || begin > 0);
        let digesting = match (&wanted, held) {
            (Some(wanted), Some(held)) => {
                let known = write::digest_of(held, begin, wanted.algorithm).await;
                Some(known.map_err(|error| Failure::local("what an earlier run left cannot be read", &error))?)
            }
            (wanted, _) => wanted.as_ref().map(|wanted| wanted.algorithm.begin()),
        };
        let transfer = self.session.reporter.transfer(&from.address().to_string(), label, length);
        transfer.begin_at(begin);
        let mut writer = Writer::start(output, digesting);
        let moved = self.follow(from, fetched, &mut writer, &transfer).await;
        let written = begin + writer.written();
        let finished = writer.finish().await;
        transfer.end(moved.is_ok() && finished.is_ok());
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
