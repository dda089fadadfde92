//! Checks a whole store: every row against its bytes, every content against its digests, every counter against what it counts; and
//! repairs what can be repaired.

use std::{fmt, sync::Arc};

use crate::{
    catalog::{BlobRow, Discrepancy},
    change::{Change, Step},
    error::{ChangeError, Fault},
    fsck_content,
    inner::Inner,
    options::Purpose,
    segments::{Container, Stored},
};

/// Rows that are read at a time.
const PAGE: u32 = 256;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// Contents that were read.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong; empty when all is well.
    pub problems: Vec<Problem>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What, in one sentence. Damaged content is told with the names that have it and where its bytes lie.
    pub what: String,
    /// What becomes of it.
    pub remedy: Remedy,
}

/// What becomes of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// A repair would set it right; how.
    Possible(String),
    /// The repair set it right; how.
    Done(String),
    /// Nothing here can; what people can do.
    Beyond(String),
}

/// What a check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    Clean,
    /// Everything that was wrong was repaired.
    Repaired,
    /// Something is wrong still.
    Damaged,
}

impl FsckReport {
    /// What the problems come to.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match &self.problems[..] {
            [] => Verdict::Clean,
            some if some.iter().all(|problem| matches!(problem.remedy, Remedy::Done(_))) => Verdict::Repaired,
            _ => Verdict::Damaged,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, remedy } = self;
        match remedy {
            Remedy::Possible(how) => write!(f, "{what} (--repair: {how})"),
            Remedy::Done(how) => write!(f, "{what} (repaired: {how})"),
            Remedy::Beyond(advice) => write!(f, "{what} (cannot be repaired: {advice})"),
        }
    }
}

impl Remedy {
    /// What can be done, and was when this is a repair.
    pub(crate) fn of(repaired: bool, how: impl Into<String>) -> Self {
        if repaired { Self::Done(how.into()) } else { Self::Possible(how.into()) }
    }
}

/// Reads everything; changes nothing unless it is to repair.
pub(crate) async fn fsck(inner: &Arc<Inner>, repair: bool) -> Result<FsckReport, Fault> {
    let mut report = FsckReport { problems: rows(inner, repair).await?, ..FsckReport::default() };
    // A store that works makes and frees files while they are listed.
    if inner.purpose == Purpose::Inspect {
        report.problems.extend(files(inner, repair).await?);
    }
    contents(inner, repair, &mut report).await?;
    if repair && !report.problems.is_empty() {
        let left = rows(inner, false).await?.into_iter().filter(|left| matches!(left.remedy, Remedy::Possible(_)));
        report.problems.extend(left);
    }
    Ok(report)
}

/// Carries out a repair. It may read every row, so that no deadline holds.
pub(crate) async fn repair_by(inner: &Inner, step: Step) -> Result<(), Fault> {
    match inner.catalog.apply(Change::from(step)).await {
        Ok(_) => Ok(()),
        Err(ChangeError::Fault(fault)) => Err(fault),
        Err(ChangeError::Refused { refusal, .. }) => Err(Fault::corrupt(format!("a repair was refused: {refusal}"))),
    }
}

/// What rows do not agree on.
async fn rows(inner: &Inner, repair: bool) -> Result<Vec<Problem>, Fault> {
    let found = inner.catalog.audit().await?;
    if repair && found.iter().any(|found| found.cure.is_ok()) {
        repair_by(inner, Step::Recount).await?;
    }
    let problem = |Discrepancy { what, cure }| {
        let remedy = cure.map_or_else(|advice| Remedy::Beyond(advice.to_owned()), |how| Remedy::of(repair, how));
        Problem { what, remedy }
    };
    Ok(found.into_iter().map(problem).collect())
}

/// Files without rows, and packs that are not as their rows say. That a large body's file is missing shows when it is read.
async fn files(inner: &Inner, repair: bool) -> Result<Vec<Problem>, Fault> {
    let mut problems = Vec::new();
    let stored = inner.segments.inventory().await?;
    for Stored { container, bytes, .. } in &stored {
        if inner.catalog.knows(*container).await? {
            continue;
        }
        if repair {
            inner.segments.set_aside(*container, inner.clock.now()).await?;
        }
        problems.push(Problem {
            what: format!("no row names {container}, which takes {bytes} bytes"),
            remedy: Remedy::of(repair, "it is set aside in orphans/ for 24 hours"),
        });
    }
    for pack in inner.catalog.packs().await? {
        let container = Container::Pack(pack.id);
        let what = match stored.iter().find(|stored| stored.container == container) {
            None => format!("{container} with {} contents of {} bytes is missing", pack.contents, pack.bytes),
            Some(stored) if stored.end < pack.end => {
                format!("{container} ends at {}, its rows reach to {}", stored.end, pack.end)
            }
            Some(_) => continue,
        };
        let advice = "what became of its contents is told apart; a backup of the file would bring them back";
        problems.push(Problem { what, remedy: Remedy::Beyond(advice.to_owned()) });
    }
    Ok(problems)
}

async fn contents(inner: &Arc<Inner>, repair: bool, report: &mut FsckReport) -> Result<(), Fault> {
    let mut after = None;
    loop {
        let page: Vec<BlobRow> = inner.in_time(inner.catalog.blobs(after, PAGE)).await??;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        let mut wrong = Vec::new();
        for blob in page.into_iter().filter(|blob| blob.ready) {
            report.blobs += 1;
            report.bytes += blob.size;
            if let Some(state) = fsck_content::check(inner, &blob).await? {
                wrong.push((blob, state));
            }
        }
        if wrong.is_empty() {
            continue;
        }
        // This may read every name, once for a page of damage.
        let names = inner.catalog.names_of(wrong.iter().map(|(blob, _)| blob.id).collect()).await?;
        for (blob, state) in wrong {
            report.problems.push(fsck_content::treat(inner, repair, &blob, state, &names).await?);
        }
    }
}
