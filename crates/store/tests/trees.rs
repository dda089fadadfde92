//! A tree under random writes agrees with a plain map of paths.
#![expect(clippy::unwrap_used, reason = "helpers are part of a test, but no test functions")]

use std::collections::BTreeMap;

use bytes::Bytes;
use pentaprism_store::{Account, Change, Limits, Options, Refusal, Store, Tree, TreeCopy, UploadRequest};
use proptest::prelude::*;

const MARK: &str = "_.dir";

#[derive(Debug, Clone)]
enum Action {
    Put(String, usize),
    Delete(String),
    Copy { from: String, to: String, skip: bool },
}

fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof!["a", "b", "ab", "a0", Just(MARK.to_owned())], 1..4)
        .prop_map(|parts| parts.join("/"))
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (path(), 0_usize..50).prop_map(|(path, size)| Action::Put(path, size)),
        1 => path().prop_map(Action::Delete),
        2 => (path(), path(), any::<bool>()).prop_map(|(from, to, skip)| Action::Copy { from, to, skip }),
    ]
}

/// Path to size: everything a tree is, apart from bytes.
#[derive(Default)]
struct Naive(BTreeMap<String, usize>);

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

impl Naive {
    fn below(&self, folder: &str) -> Vec<(String, usize)> {
        self.0.iter().filter(|(path, _)| is_below(path, folder)).map(|(path, size)| (path.clone(), *size)).collect()
    }

    fn delete(&mut self, path: &str) {
        self.0.remove(path);
        self.delete_folder(path);
    }

    fn delete_folder(&mut self, folder: &str) {
        self.0.retain(|path, _| !is_below(path, folder));
    }

    /// None when the copy must be refused.
    fn copy(&mut self, from: &str, to: &str, skip: bool) -> Option<()> {
        let overlap = from == to || is_below(from, to) || is_below(to, from);
        let (file, below) = (self.0.get(from).copied(), self.below(from));
        if overlap || file.is_none() && below.is_empty() {
            return None;
        }
        if let Some(size) = file {
            self.0.insert(to.to_owned(), size);
        }
        if !below.is_empty() {
            self.delete_folder(to);
            for (path, size) in below {
                let bare = path.rsplit('/').next().unwrap();
                if !(skip && bare.eq_ignore_ascii_case("AB")) {
                    self.0.insert(format!("{to}{}", &path[from.len()..]), size);
                }
            }
            self.0.insert(format!("{to}/{MARK}"), 0);
        }
        Some(())
    }

    fn folders(&self) -> BTreeMap<String, (u64, u64)> {
        let mut folders: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (path, size) in &self.0 {
            let ends = path.match_indices('/').map(|(at, _)| at);
            for folder in ends.map(|at| &path[..at]).chain([""]) {
                let counted = folders.entry(folder.to_owned()).or_default();
                counted.0 += 1;
                counted.1 += *size as u64;
            }
        }
        folders
    }
}

async fn put(store: &Store, tree: &Tree, path: &str, size: usize) {
    let account = Account::new(&tree.dialect, &tree.scope);
    let mut upload = store.begin(UploadRequest::new(account)).await.unwrap();
    if size > 0 {
        // Few different bodies, so that names share bytes by chance.
        upload.push(Bytes::from(vec![u8::try_from(size % 5).unwrap(); size])).await.unwrap();
    }
    upload.finish().await.unwrap().commit(Change::new().put_file(tree, path)).await.unwrap();
}

async fn copy(store: &Store, tree: &Tree, from: &str, to: &str, skip: bool) -> Result<(), Refusal> {
    let copy = TreeCopy {
        tree: tree.clone(),
        from: from.into(),
        to: to.into(),
        skip: if skip { vec!["AB".into()] } else { vec![] },
        mark: Some(MARK.into()),
        require_mark: false,
        quota: None,
    };
    match store.apply(Change::new().copy_path(copy)).await {
        Ok(_) => Ok(()),
        Err(error) => Err(error.refusal().cloned().expect("a store that works only refuses")),
    }
}

/// Walks over the tree level by level, as a client would.
async fn walk(store: &Store, tree: &Tree) -> (BTreeMap<String, usize>, BTreeMap<String, (u64, u64)>) {
    let (mut files, mut folders) = (BTreeMap::new(), BTreeMap::new());
    let mut waiting = vec![String::new()];
    while let Some(path) = waiting.pop() {
        let level = store.level(tree, &path).await.unwrap();
        let folder = level.folder.expect("a folder that was listed exists");
        if folder.files > 0 {
            folders.insert(path, (folder.files, folder.bytes));
        }
        files.extend(level.files.into_iter().map(|file| (file.path, usize::try_from(file.content.size).unwrap())));
        waiting.extend(level.folders.into_iter().map(|folder| folder.path));
    }
    (files, folders)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_agrees_with_a_map_of_paths(actions in proptest::collection::vec(action(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let limits = Limits { disk_reserve: 0, ..Limits::default() };
            let store = Store::open(Options::ephemeral().limits(limits)).await.unwrap();
            let tree = Tree::new("toy", "files");
            let mut naive = Naive::default();
            for action in actions {
                match action {
                    Action::Put(path, size) => {
                        put(&store, &tree, &path, size).await;
                        naive.0.insert(path, size);
                    }
                    Action::Delete(path) => {
                        store.apply(Change::new().delete_path(&tree, &path)).await.unwrap();
                        naive.delete(&path);
                    }
                    Action::Copy { from, to, skip } => {
                        let copied = copy(&store, &tree, &from, &to, skip).await;
                        prop_assert_eq!(copied.is_ok(), naive.copy(&from, &to, skip).is_some());
                    }
                }
            }
            let (files, folders) = walk(&store, &tree).await;
            prop_assert_eq!(files, naive.0.clone());
            prop_assert_eq!(folders, naive.folders());
            store.sweep().await.unwrap();
            prop_assert_eq!(store.fsck().await.unwrap().problems, []);
            Ok(())
        })?;
    }
}
