//! Trees: levels, counters, deletes and copies.

use bytes::Bytes;

use super::{DIALECT, Fixture, assert_sound, pattern, put_file, read_file, tree};
use crate::{Change, FolderEntry, Refusal, Store, Tree, TreeCopy};

super::cases![
    a_level_shows_what_is_directly_below,
    a_file_and_a_folder_of_one_name_are_both_kept,
    overwriting_raises_the_version_and_keeps_the_counters,
    deleting_takes_whole_segments_only,
    a_file_is_copied_without_its_bytes,
    a_folder_replaces_the_destination_whole,
    copies_are_refused_with_a_reason,
    a_copy_counts_against_the_quota,
];

async fn fill(store: &Store, paths: &[&str]) {
    for (index, path) in paths.iter().enumerate() {
        put_file(store, path, &pattern(u32::try_from(index).unwrap(), 10 + index)).await;
    }
}

async fn folder(store: &Store, path: &str) -> Option<(u64, u64)> {
    store.folder_entry(&tree(), path).await.unwrap().map(|folder| (folder.files, folder.bytes))
}

async fn level(store: &Store, path: &str) -> (Vec<String>, Vec<String>) {
    let level = store.level(&tree(), path).await.unwrap();
    (
        level.files.into_iter().map(|file| file.path).collect(),
        level.folders.into_iter().map(|folder| folder.path).collect(),
    )
}

fn copy(from: &str, to: &str) -> TreeCopy {
    TreeCopy {
        tree: tree(),
        from: from.into(),
        to: to.into(),
        skip: vec![],
        mark: Some("_.dir".into()),
        require_mark: false,
        quota: None,
    }
}

async fn refusal(store: &Store, copy: TreeCopy) -> Refusal {
    store.apply(Change::new().copy_path(copy)).await.unwrap_err().refusal().cloned().unwrap()
}

async fn a_level_shows_what_is_directly_below(fixture: Fixture) {
    let store = fixture.open().await;
    let root = store.level(&tree(), "").await.unwrap();
    assert!(!root.is_missing() && root.files.is_empty() && root.folders.is_empty());
    fill(&store, &["a/x/1", "a/x/2", "a/y/z/3", "a/4", "b", "a/Z", "a/é"]).await;
    assert_eq!(level(&store, "").await, (vec!["b".into()], vec!["a".into()]));
    let (files, folders) = level(&store, "a").await;
    assert_eq!(files, ["a/4", "a/Z", "a/é"], "sorted by bytes");
    assert_eq!(folders, ["a/x", "a/y"]);
    let a = store.level(&tree(), "a").await.unwrap();
    assert_eq!(a.folder, Some(FolderEntry { path: "a".into(), files: 6, bytes: 10 + 11 + 12 + 13 + 15 + 16 }));
    assert_eq!(a.folders[1].files, 1, "files count at any depth");
    let file = store.level(&tree(), "b").await.unwrap();
    assert_eq!(file.file.unwrap().content.size, 14);
    assert!(file.folder.is_none() && file.files.is_empty());
    assert!(store.level(&tree(), "a/x/9").await.unwrap().is_missing());
    assert!(store.level(&tree(), "A").await.unwrap().is_missing(), "names are compared with case");
    fill(&store, &["a/x!", "a/x-y/1", "a/x-y", "a/x-z", "a/x.z", "a/x/a/1", "a/x", "a/x0", "a/y0"]).await;
    let (files, folders) = level(&store, "a").await;
    assert_eq!(files, ["a/4", "a/Z", "a/x", "a/x!", "a/x-y", "a/x-z", "a/x.z", "a/x0", "a/y0", "a/é"]);
    assert_eq!(folders, ["a/x", "a/x-y", "a/y"]);
    assert_eq!(level(&store, "a/x").await, (vec!["a/x/1".into(), "a/x/2".into()], vec!["a/x/a".into()]));
}

async fn a_file_and_a_folder_of_one_name_are_both_kept(fixture: Fixture) {
    let store = fixture.open().await;
    fill(&store, &["a/b", "a/b/c"]).await;
    let level = store.level(&tree(), "a/b").await.unwrap();
    assert!(level.file.is_some() && level.folder.is_some() && level.files.len() == 1);
    assert_eq!(folder(&store, "a").await, Some((2, 21)));
    assert_eq!(store.apply(Change::new().delete_path(&tree(), "a/b")).await.unwrap().deleted(), 2);
    assert!(store.level(&tree(), "a").await.unwrap().is_missing(), "an emptied folder is gone");
    assert_sound(&store).await;
}

async fn overwriting_raises_the_version_and_keeps_the_counters(fixture: Fixture) {
    let store = fixture.open().await;
    fill(&store, &["a/b", "a/c"]).await;
    let before = store.file(&tree(), "a/b").await.unwrap().unwrap();
    let other = store.file(&tree(), "a/c").await.unwrap().unwrap();
    fixture.clock.advance(std::time::Duration::from_secs(1));
    put_file(&store, "a/b", &pattern(50, 1_000)).await;
    let after = store.file(&tree(), "a/b").await.unwrap().unwrap();
    assert!(after.version > other.version && other.version > before.version, "one sequence for the whole store");
    assert_eq!((after.content.size, after.modified), (1_000, store.now()));
    assert_eq!(folder(&store, "a").await, Some((2, 1_011)));
    assert_eq!(store.usage(DIALECT, "files").await.unwrap().bytes, 1_011);
    store.apply(Change::new().put_file(&tree(), "a/_.dir")).await.unwrap();
    assert_eq!(store.file(&tree(), "a/_.dir").await.unwrap().unwrap().content, crate::Content::EMPTY);
    assert_eq!(folder(&store, "").await, Some((3, 1_011)));
    assert_sound(&store).await;
}

async fn deleting_takes_whole_segments_only(fixture: Fixture) {
    let store = fixture.open().await;
    fill(&store, &["App/1", "App/x/2", "App2/3", "App.txt", "Ap/4", "App-/5", "App0/6"]).await;
    assert_eq!(store.apply(Change::new().delete_path(&tree(), "App")).await.unwrap().deleted(), 2);
    assert_eq!(
        level(&store, "").await,
        (vec!["App.txt".into()], vec!["Ap".into(), "App-".into(), "App0".into(), "App2".into()])
    );
    assert_eq!(store.apply(Change::new().delete_path(&tree(), "App")).await.unwrap().deleted(), 0, "again is fine");
    assert_sound(&store).await;
}

async fn a_file_is_copied_without_its_bytes(fixture: Fixture) {
    let store = fixture.open().await;
    let bytes = pattern(1, 20_000);
    put_file(&store, "a/b", &bytes).await;
    put_file(&store, "c/old", &pattern(2, 5)).await;
    assert_eq!(store.apply(Change::new().copy_path(copy("a/b", "c/old"))).await.unwrap().copied(), 1);
    assert_eq!(read_file(&store, "c/old").await.unwrap(), bytes);
    assert_eq!(folder(&store, "c").await, Some((1, 20_000)), "a file gets no mark");
    store.apply(Change::new().delete_path(&tree(), "a")).await.unwrap();
    store.sweep().await.unwrap();
    assert_eq!(read_file(&store, "c/old").await.unwrap(), bytes);
    assert_sound(&store).await;
}

async fn a_folder_replaces_the_destination_whole(fixture: Fixture) {
    let store = fixture.open().await;
    fill(&store, &["P/_.dir", "P/1", "P/big", "P/s/BIG", "P/s/_.dir", "P/s/2", "Q/gone", "Q/s/gone"]).await;
    let request = TreeCopy { skip: vec!["big".into()], require_mark: true, ..copy("P", "Q") };
    assert_eq!(store.apply(Change::new().copy_path(request)).await.unwrap().copied(), 4);
    assert_eq!(level(&store, "Q").await, (vec!["Q/1".into(), "Q/_.dir".into()], vec!["Q/s".into()]));
    assert_eq!(level(&store, "Q/s").await.0, ["Q/s/2", "Q/s/_.dir"]);
    let mark = store.file(&tree(), "Q/_.dir").await.unwrap().unwrap();
    assert_eq!(mark.content.size, 0, "the destination has its own empty mark");
    for path in ["Q/1", "Q/s/2", "Q/s/_.dir"] {
        assert!(store.file(&tree(), path).await.unwrap().unwrap().version < mark.version, "the mark is written last");
    }
    assert_eq!(read_file(&store, "Q/s/2").await, read_file(&store, "P/s/2").await);
    let skipped = TreeCopy { skip: vec!["_.DIR".into()], ..copy("P/s", "deep/er/R") };
    assert_eq!(store.apply(Change::new().copy_path(skipped)).await.unwrap().copied(), 3);
    assert_eq!(folder(&store, "deep").await.map(|(files, _)| files), Some(3));
    assert_sound(&store).await;
}

async fn copies_are_refused_with_a_reason(fixture: Fixture) {
    let store = fixture.open().await;
    fill(&store, &["P/1", "P/s/2", "Q/1"]).await;
    assert_eq!(refusal(&store, copy("nowhere", "R")).await, Refusal::SourceMissing { path: "nowhere".into() });
    let unmarked = TreeCopy { require_mark: true, ..copy("P", "R") };
    assert_eq!(refusal(&store, unmarked).await, Refusal::MarkMissing { path: "P".into(), mark: "_.dir".into() });
    for (from, to) in [("P", "P"), ("P", "P/s"), ("P/s", "P"), ("P/1", "P/1")] {
        assert!(matches!(refusal(&store, copy(from, to)).await, Refusal::Overlap { .. }), "{from} {to}");
    }
    let deep = vec!["d"; Tree::MAX_PATH_SEGMENTS].join("/");
    let too_deep = Refusal::PathTooLong { bytes: deep.len() + 2, segments: Tree::MAX_PATH_SEGMENTS + 1 };
    assert_eq!(refusal(&store, copy("P", &deep)).await, too_deep, "what lies below the destination counts");
    assert_eq!(level(&store, "P").await.0, ["P/1"], "nothing was lost");
    assert_eq!(store.apply(Change::new().copy_path(copy("P", "P2"))).await.unwrap().copied(), 3);
}

async fn a_copy_counts_against_the_quota(fixture: Fixture) {
    let store = fixture.open().await;
    put_file(&store, "P/1", &pattern(1, 600)).await;
    let limited = TreeCopy { quota: Some(1_000), ..copy("P", "Q") };
    assert!(matches!(
        refusal(&store, limited.clone()).await,
        Refusal::OverQuota { quota: 1_000, used: 600, wanted: 600 }
    ));
    assert!(store.level(&tree(), "Q").await.unwrap().is_missing());
    let roomy = TreeCopy { quota: Some(1_200), ..limited };
    store.apply(Change::new().copy_path(roomy.clone())).await.unwrap();
    store.apply(Change::new().copy_path(roomy)).await.unwrap();
    assert_eq!(store.usage(DIALECT, "files").await.unwrap().bytes, 1_200, "what is replaced makes room");
    assert_eq!(read_file(&store, "Q/_.dir").await, Some(Bytes::new()));
}
