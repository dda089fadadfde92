//! `pentaprism gc` and `pentaprism fsck`: what can be freed, and whether everything is as it was written.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use pentaprism_store::{Fault, FsckReport, Garbage, OpenError, Store, Swept};

use crate::dialects::public::link;
use crate::settings::{LoadError, Settings, Source};

/// How long the store may take to close.
const CLOSE_DEADLINE: Duration = Duration::from_secs(30);

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

/// Frees what nothing refers to, or only lists it; says what it did.
///
/// # Errors
/// [`HousekeepingError`].
pub async fn collect(source: &Source, only_list: bool) -> Result<String, HousekeepingError> {
    let store = open(source).await?;
    let said =
        if only_list { store.garbage().await.map(|garbage| list(&garbage)) } else { store.sweep().await.map(freed) };
    store.close(CLOSE_DEADLINE).await;
    Ok(said?)
}

/// Checks every row against its bytes and every content against its checksums; says what is wrong, and whether nothing is.
///
/// # Errors
/// [`HousekeepingError`].
pub async fn check(source: &Source) -> Result<(String, bool), HousekeepingError> {
    let store = open(source).await?;
    let report = store.fsck().await;
    store.close(CLOSE_DEADLINE).await;
    let report = report?;
    Ok((verdict(&report), report.problems.is_empty()))
}

async fn open(source: &Source) -> Result<Store, HousekeepingError> {
    let settings = Settings::load(source)?;
    // What a server keeps for one run only is gone, whatever a configuration says.
    let settings = Settings { ephemeral: false, ..settings };
    if !settings.data.is_dir() {
        return Err(HousekeepingError::NoData(settings.data));
    }
    Ok(Store::open(settings.store_options()).await?)
}

fn list(garbage: &[Garbage]) -> String {
    let mut text = String::new();
    for Garbage { blob, size, pinned } in garbage {
        let note = if *pinned { ", still being read" } else { "" };
        let _infallible = writeln!(text, "{}: {size} bytes{note}", blob.0);
    }
    let bytes: u64 = garbage.iter().map(|garbage| garbage.size).sum();
    let _infallible = writeln!(text, "contents that could be freed: {}; their bytes: {bytes}", garbage.len());
    text
}

fn freed(Swept { blobs, bytes }: Swept) -> String {
    format!("contents freed: {blobs}; their bytes: {bytes}\n")
}

fn verdict(report: &FsckReport) -> String {
    let FsckReport { blobs, bytes, problems } = report;
    let mut text = String::new();
    for problem in problems {
        let _infallible = writeln!(text, "{}", link::without_tokens(problem));
    }
    let count = problems.len();
    let _infallible = writeln!(text, "contents read: {blobs}; their bytes: {bytes}; problems: {count}");
    text
}

#[cfg(test)]
mod tests {
    use pentaprism_store::{Account, BlobId, Change, NameKey, NewContent, NewName, Options, UploadRequest};
    use uuid::Uuid;

    use super::*;
    use crate::settings::Flags;

    fn source(data: PathBuf) -> Source {
        Source { flags: Flags { data: Some(data), ..Flags::default() }, environment: Vec::new() }
    }

    #[test]
    fn what_is_found_is_listed_and_summed() {
        let garbage = [(1, 10, false), (2, 5, true)].map(|(id, size, pinned)| Garbage {
            blob: BlobId(Uuid::from_u128(id)),
            size,
            pinned,
        });
        insta::assert_snapshot!(list(&garbage));
        let report = FsckReport { blobs: 2, bytes: 15, problems: vec!["one is short".to_owned()] };
        insta::assert_snapshot!(verdict(&report));
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
        assert!(report.problems.iter().any(|told| tokens.iter().all(|token| told.contains(token))), "{report:?}");
        // The form in which the counters' findings quote a name.
        report.problems.push(format!("name points at nothing: {:?}", link::key(&tokens[0]).to_string()));
        let told = verdict(&report);
        assert!(!tokens.iter().any(|token| told.contains(token)), "{told}");
        assert!(told.contains("public:links:…, ") && told.contains("saved_views:views:a"), "{told}");
        assert!(told.contains("name points at nothing: \"public:links:…\"\n"), "{told}");
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_an_error_and_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("typo");
        assert!(matches!(check(&source(data.clone())).await, Err(HousekeepingError::NoData(_))));
        assert!(matches!(collect(&source(data.clone()), true).await, Err(HousekeepingError::NoData(_))));
        assert!(!data.exists());
    }

    #[tokio::test]
    async fn an_empty_store_is_well_and_holds_no_garbage() {
        let folder = tempfile::tempdir().unwrap();
        let source = source(folder.path().to_owned());
        assert_eq!(check(&source).await.unwrap(), ("contents read: 0; their bytes: 0; problems: 0\n".to_owned(), true));
        assert_eq!(collect(&source, true).await.unwrap(), "contents that could be freed: 0; their bytes: 0\n");
        assert_eq!(collect(&source, false).await.unwrap(), "contents freed: 0; their bytes: 0\n");
    }
}
