//! `pentaprism gc` and `pentaprism fsck`: what takes room and is nobody's, and whether everything is as it was written.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use pentaprism_store::segments::Orphan;
use pentaprism_store::{
    ExpiredSession, Fault, FsckReport, Garbage, Litter, OpenError, PackSpace, Purpose, Remedy, Store, Swept, Timestamp,
    Verdict,
};

use crate::dialects::public::link;
use crate::settings::{LoadError, Settings, Source};

/// How long the store may take to close.
const CLOSE_DEADLINE: Duration = Duration::from_secs(30);

/// Lines of one kind of litter.
const LINES: usize = 1_000;

/// Why the data cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum HousekeepingError {
    /// The settings cannot be read.
    #[error("the settings cannot be read")]
    Load(#[from] LoadError),
    /// There is nothing to look at, and nothing is made for it.
    #[error("there are no data in `{}`; name their folder with --data", .0.display())]
    NoData(PathBuf),
    /// The store cannot be opened; a running server has it.
    #[error("the store cannot be opened")]
    Store(#[from] OpenError),
    /// The store failed.
    #[error("the store failed")]
    Fault(#[from] Fault),
}

/// Frees what nothing refers to, or only lists what takes room; says what it did.
///
/// # Errors
/// [`HousekeepingError`].
pub async fn collect(source: &Source, only_list: bool) -> Result<String, HousekeepingError> {
    let store = open(source, if only_list { Purpose::Inspect } else { Purpose::Use }).await?;
    let said =
        if only_list { store.litter().await.map(|litter| list(&litter)) } else { store.sweep().await.map(freed) };
    store.close(CLOSE_DEADLINE).await;
    Ok(said?)
}

/// Checks every row against its bytes and every content against its checksums, and repairs what can be when it is to; says what is
/// wrong, and what that comes to.
///
/// # Errors
/// [`HousekeepingError`].
pub async fn check(source: &Source, repair: bool) -> Result<(String, Verdict), HousekeepingError> {
    let store = open(source, Purpose::Inspect).await?;
    let report = if repair { store.repair().await } else { store.fsck().await };
    store.close(CLOSE_DEADLINE).await;
    let report = report?;
    Ok((told(&report), report.verdict()))
}

async fn open(source: &Source, purpose: Purpose) -> Result<Store, HousekeepingError> {
    let settings = Settings::load(source)?;
    // What a server keeps for one run only is gone, whatever a configuration says.
    let settings = Settings { ephemeral: false, ..settings };
    if !settings.data.is_dir() {
        return Err(HousekeepingError::NoData(settings.data));
    }
    Ok(Store::open(settings.store_options().purpose(purpose)).await?)
}

/// What takes room and is nobody's, each kind with its lines and their sum.
fn list(litter: &Litter) -> String {
    let Litter { now, contents, sessions, packs, orphans } = litter;
    let mut text = String::new();
    let age = |since: &Timestamp| age(*since, *now);
    let line = |content: &Garbage| {
        let note = if content.pinned { ", still being read" } else { "" };
        (content.size, format!("content {}: {} bytes{note}", content.blob.0, content.size))
    };
    section(&mut text, "contents that could be freed", contents.iter().map(line));
    let line = |session: &ExpiredSession| {
        let ExpiredSession { session, path, touched, bytes } = session;
        (*bytes, format!("session {session} of {path:?}: {bytes} bytes, last chunk {} ago", age(touched)))
    };
    section(&mut text, "sessions that expired", sessions.iter().map(line));
    let line = |pack: &PackSpace| {
        let PackSpace { pack, contents, live, dead, ahead } = pack;
        let line =
            format!("pack {pack}: {dead} bytes dead and {ahead} taken ahead beside {live} of {contents} contents");
        (dead + ahead, line)
    };
    section(&mut text, "packs with dead space, which goes with their last content", packs.iter().map(line));
    let line = |orphan: &Orphan| {
        (orphan.bytes, format!("orphans/{}: {} bytes, set aside {} ago", orphan.name, orphan.bytes, age(&orphan.since)))
    };
    section(&mut text, "files without a row, kept for 24 hours", orphans.iter().map(line));
    text
}

/// One kind of litter: a few lines of many, then the sum of all.
fn section(text: &mut String, heading: &str, lines: impl Iterator<Item = (u64, String)>) {
    let (mut count, mut sum) = (0, 0);
    for (bytes, line) in lines {
        if count < LINES {
            let _infallible = writeln!(text, "{line}");
        }
        count += 1;
        sum += bytes;
    }
    if count > LINES {
        let _infallible = writeln!(text, "and {} more", count - LINES);
    }
    let _infallible = writeln!(text, "{heading}: {count}; their bytes: {sum}");
}

/// How long ago something was, in the largest unit that says it.
fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_unix_micros() - since.as_unix_micros()).max(0) / 1_000_000;
    match seconds {
        ..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn freed(Swept { blobs, bytes }: Swept) -> String {
    format!("contents freed: {blobs}; their bytes: {bytes}\n")
}

fn told(report: &FsckReport) -> String {
    let FsckReport { blobs, bytes, problems } = report;
    let mut text = String::new();
    for problem in problems {
        let _infallible = writeln!(text, "{}", link::without_tokens(&problem.to_string()));
    }
    let count = problems.len();
    let repaired = problems.iter().filter(|problem| matches!(problem.remedy, Remedy::Done(_))).count();
    let _infallible = write!(text, "contents read: {blobs}; their bytes: {bytes}; problems: {count}");
    if repaired > 0 {
        let _infallible = write!(text, ", repaired: {repaired}");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use pentaprism_store::{Account, BlobId, Change, NameKey, NewContent, NewName, Options, Problem, UploadRequest};
    use uuid::Uuid;

    use super::*;
    use crate::settings::Flags;

    fn source(data: PathBuf) -> Source {
        Source { flags: Flags { data: Some(data), ..Flags::default() }, environment: Vec::new() }
    }

    #[test]
    fn what_takes_room_is_listed_and_summed() {
        let contents = [(1, 10, false), (2, 5, true)].map(|(id, size, pinned)| Garbage {
            blob: BlobId(Uuid::from_u128(id)),
            size,
            pinned,
        });
        let at = |seconds: i64| Timestamp::from_unix_micros(seconds * 1_000_000);
        let session = |path: &str, touched| ExpiredSession {
            session: Uuid::from_u128(3),
            path: path.into(),
            touched: at(touched),
            bytes: 7,
        };
        let pack = PackSpace { pack: Uuid::from_u128(4), contents: 2, live: 100, dead: 9, ahead: 1 };
        let orphan = |seconds| Orphan { name: format!("{seconds}-file-x"), since: at(seconds), bytes: 4_096 };
        let litter = Litter {
            now: at(1_000_000),
            contents: contents.to_vec(),
            sessions: vec![session("a\n", 990_000), session("b", 999_900)],
            packs: vec![pack],
            orphans: vec![orphan(500_000), orphan(995_000), orphan(2_000_000)],
        };
        insta::assert_snapshot!(list(&litter));
        let many = Litter { contents: vec![contents[0]; LINES + 2], ..litter };
        assert!(list(&many).contains("\nand 2 more\ncontents that could be freed: 1002; their bytes: 10020\n"));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_becomes_of_it() {
        let problem = |what: &str, remedy| Problem { what: what.to_owned(), remedy };
        let problems = vec![
            problem("one is short", Remedy::Possible("it grows".to_owned())),
            problem("another was", Remedy::Done("it grew".to_owned())),
            problem("a third is gone", Remedy::Beyond("look for it".to_owned())),
        ];
        insta::assert_snapshot!(told(&FsckReport { blobs: 2, bytes: 15, problems }));
    }

    #[tokio::test]
    async fn damage_is_told_without_the_tokens_of_links() {
        let (store, faults) = Store::open_faulty(Options::ephemeral()).await.unwrap();
        let image = NameKey::new("saved_views", "views", "a");
        let content = NewName::new(image.clone(), "active").content(NewContent::Uploaded);
        let mut change = Change::new().create(content);
        let tokens = [1, 2].map(|count| format!("{count:032x}"));
        for token in &tokens {
            change = change.create(NewName::new(link::key(token), "active").content(NewContent::SameAs(image.clone())));
        }
        let mut upload = store.begin(UploadRequest::new(Account::new("saved_views", "views"))).await.unwrap();
        upload.push(vec![7; 1000].into()).await.unwrap();
        upload.finish().await.unwrap().commit(change).await.unwrap();
        faults.damage(true);
        let mut report = store.fsck().await.unwrap();
        assert!(report.problems.iter().any(|told| tokens.iter().all(|token| told.what.contains(token))), "{report:?}");
        // The form in which the counters' findings quote a name.
        let what = format!("name points at nothing: {:?}", link::key(&tokens[0]).to_string());
        report.problems.push(Problem { what, remedy: Remedy::Beyond("delete it".to_owned()) });
        let told = told(&report);
        assert!(!tokens.iter().any(|token| told.contains(token)), "{told}");
        assert!(told.contains("public:links:…, ") && told.contains("saved_views:views:a"), "{told}");
        assert!(
            told.contains("name points at nothing: \"public:links:…\" (cannot be repaired: delete it)\n"),
            "{told}"
        );
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_an_error_and_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("typo");
        assert!(matches!(check(&source(data.clone()), true).await, Err(HousekeepingError::NoData(_))));
        assert!(matches!(collect(&source(data.clone()), true).await, Err(HousekeepingError::NoData(_))));
        assert!(!data.exists());
    }

    #[tokio::test]
    async fn an_empty_store_is_well_and_holds_no_garbage() {
        let folder = tempfile::tempdir().unwrap();
        let source = source(folder.path().to_owned());
        let well = ("contents read: 0; their bytes: 0; problems: 0\n".to_owned(), Verdict::Clean);
        for repair in [false, true] {
            assert_eq!(check(&source, repair).await.unwrap(), well);
        }
        let listed = collect(&source, true).await.unwrap();
        assert_eq!((listed.lines().count(), listed.matches(": 0; their bytes: 0\n").count()), (4, 4), "{listed}");
        assert_eq!(collect(&source, false).await.unwrap(), "contents freed: 0; their bytes: 0\n");
    }
}
