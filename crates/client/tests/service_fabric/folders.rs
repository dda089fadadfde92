//! Folders: every file, then the mark files; and what is left to do after a failure.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use pentaprism_client::upload::service_fabric::{
    FabricFolderOptions, FabricUploadOptions, Folder, FolderFailure, FolderFile, Way,
};
use pentaprism_client::{Counters, Progress};

use crate::model::{Fault, Kind, Service};
use crate::{numbers, options};

fn package() -> Vec<FolderFile> {
    vec![
        FolderFile::new("ApplicationManifest.xml", "manifest"),
        FolderFile::new("Svc/Code/a #1 50%?.dll", numbers(500)),
        FolderFile::new("Svc/Code/big.dll", numbers(5500)),
        FolderFile::new("Svc/Config/ü+&.xml", numbers(1)),
        FolderFile::new("Svc/Config/_.dir", ""),
    ]
}

fn folder_options() -> FabricFolderOptions {
    FabricFolderOptions { file: options(), ..FabricFolderOptions::default() }
}

#[tokio::test(start_paused = true)]
async fn mark_files_come_last_and_the_deepest_first() {
    let service = Service::sound();
    let folder = Folder { files: package(), folders: vec!["Svc/Data/Empty".to_owned()], ..Folder::default() };
    let uploaded = service.client().upload_folder("App/", folder, &folder_options()).await.unwrap();
    let state = service.state();
    let (files, marks) = state.written.split_at(4);
    assert!(files.iter().all(|path| !path.ends_with("_.dir")));
    assert_eq!(marks[0], "App/Svc/Data/Empty/_.dir");
    let mut middle = marks[1..4].to_vec();
    middle.sort();
    assert_eq!(middle, ["App/Svc/Code/_.dir", "App/Svc/Config/_.dir", "App/Svc/Data/_.dir"]);
    assert_eq!(marks[4..], ["App/Svc/_.dir", "App/_.dir"]);
    assert_eq!(uploaded.marks.len(), 6);
    assert!(state.files["App/Svc/Code/a #1 50%?.dll"].0 == numbers(500));
    assert!(state.files["App/Svc/Code/big.dll"].0 == numbers(5500));
    assert!(state.files.contains_key("App/Svc/Config/ü+&.xml"));
    // Looked up folder by folder, with the version that each has; and once more before the large one is committed.
    assert!(uploaded.files.iter().all(|file| file.file.as_ref().is_some_and(|file| file.file_version.is_some())));
    assert_eq!(state.counts[&Kind::List], 3 + 1);
    assert!(matches!(
        uploaded.files.iter().find(|file| file.path.ends_with("big.dll")).unwrap().way,
        Way::Chunks { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn files_and_chunks_share_the_places() {
    let service = Service::sound();
    let files: Vec<_> = (0..20).map(|number| FolderFile::new(number.to_string(), numbers(number * 300))).collect();
    let file = FabricUploadOptions { parallel: NonZeroUsize::new(3).unwrap(), ..options() };
    let options = FabricFolderOptions { file, marks: false, ..FabricFolderOptions::default() };
    let uploaded = service.client().upload_folder("", files, &options).await.unwrap();
    assert_eq!((uploaded.files.len(), uploaded.marks.len(), service.state().files.len()), (20, 0, 20));
    // A look at a session, say, is no upload: it takes no place.
    assert!((3..=5).contains(&service.state().most_in_flight), "{}", service.state().most_in_flight);
}

#[tokio::test(start_paused = true)]
async fn a_failure_names_the_file_and_a_second_run_does_the_rest() {
    let service = Service::new(|kind, number| match (kind, number) {
        (Kind::Chunk, 3) => Fault::Refuse(403, "E_ACCESSDENIED"),
        _ => Fault::None,
    });
    let client = service.client();
    let error = client.upload_folder("App", package(), &folder_options()).await.unwrap_err();
    assert_eq!(error.path, "App/Svc/Code/big.dll");
    assert!(matches!(error.failure, FolderFailure::Upload(_)));
    assert_eq!((error.uploaded.files.len(), error.uploaded.marks.len()), (3, 0));
    assert!(error.to_string().starts_with("App/Svc/Code/big.dll could not be uploaded; 3 files"));

    let options = FabricFolderOptions { skip_existing: true, ..folder_options() };
    let uploaded = client.upload_folder("App", package(), &options).await.unwrap();
    let sent: Vec<_> = uploaded.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!((sent, uploaded.skipped.len(), uploaded.marks.len()), (vec!["App/Svc/Code/big.dll"], 3, 4));
    // A file of another size is no reason to skip.
    let changed = vec![FolderFile::new("ApplicationManifest.xml", "a new manifest")];
    let uploaded = client.upload_folder("App", changed, &options).await.unwrap();
    assert_eq!((uploaded.files.len(), uploaded.skipped.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_of_a_folder_that_cannot_be() {
    let service = Service::sound();
    for (bad, name) in [("a/../b", "a/../b"), ("a//b", "a//b"), ("a/$/b", "a/$/b")] {
        let files = vec![FolderFile::new("good", "1"), FolderFile::new(bad, "2")];
        let error = service.client().upload_folder("", files, &folder_options()).await.unwrap_err();
        assert!(matches!(error.failure, FolderFailure::Path(_)), "{error:?}");
        assert_eq!(error.path, name);
    }
    for (one, other) in [("a", "a"), ("a/b", "a\\b"), ("a\\b/c", "a/b/c")] {
        let files = vec![FolderFile::new(one, "1"), FolderFile::new(other, "2")];
        let error = service.client().upload_folder("", files, &folder_options()).await.unwrap_err();
        assert!(matches!(error.failure, FolderFailure::Twice), "{one} {other}");
    }
    assert!(service.state().counts.is_empty());
}

#[tokio::test]
async fn a_local_folder_is_sent_and_each_file_tells_how_far_it_is() {
    let service = Service::sound();
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("Code")).unwrap();
    std::fs::write(root.path().join("Code/big"), numbers(2_500)).unwrap();
    std::fs::write(root.path().join("small"), numbers(10)).unwrap();
    let told: Arc<Mutex<BTreeMap<String, Arc<Counters>>>> = Arc::default();
    let kept = told.clone();
    let progress = move |path: &str, length: Option<u64>| -> Arc<dyn Progress> {
        assert!(length.is_some());
        kept.lock().unwrap().entry(path.to_owned()).or_default().clone()
    };
    let options = FabricFolderOptions { progress: Some(Arc::new(progress)), ..folder_options() };
    let folder = Folder::local(root.path()).await.unwrap();
    service.client().upload_folder("App", folder, &options).await.unwrap();
    let told: Vec<_> =
        told.lock().unwrap().iter().map(|(path, counters)| (path.clone(), counters.bytes_acknowledged())).collect();
    assert_eq!(told, [("App/Code/big".to_owned(), 2500), ("App/small".to_owned(), 10)]);
    assert!(service.file("App/Code/big").unwrap() == numbers(2_500));
    // One that goes before its turn is named.
    let folder = Folder::local(root.path()).await.unwrap();
    std::fs::remove_file(root.path().join("small")).unwrap();
    let error = service.client().upload_folder("App", folder, &options).await.unwrap_err();
    assert!(matches!(error.failure, FolderFailure::Source(_)));
    assert_eq!(error.path, "App/small");
}

#[tokio::test(start_paused = true)]
async fn names_that_differ_in_case_are_several_files() {
    let service = Service::sound();
    let files = vec![FolderFile::new("README", "22"), FolderFile::new("readme", "333")];
    let uploaded = service.client().upload_folder("App/x", files.clone(), &folder_options()).await.unwrap();
    let size = |path: &str| uploaded.files.iter().find(|file| file.path == path).unwrap().size;
    assert_eq!((size("App/x/README"), size("App/x/readme")), (Some(2), Some(3)));
    let options = FabricFolderOptions { skip_existing: true, ..folder_options() };
    let again = service.client().upload_folder("App/x", files, &options).await.unwrap();
    assert_eq!((again.files.len(), again.skipped.len()), (0, 2));
}
