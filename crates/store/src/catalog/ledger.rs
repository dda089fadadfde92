//! What many changes of a batch count up together: the sequence, the bytes of accounts, the files below folders. A batch adds it up in
//! memory and writes each row once, before somebody reads it or the batch is committed, in place of once a change.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use rusqlite::{Connection, params};

use super::tree;
use crate::model::Tree;

/// The open counts of one transaction. Whoever rolls it back drops them with it.
pub(super) struct Ledger<'c> {
    db: &'c Connection,
    sequence: Cell<u64>,
    written_sequence: Cell<u64>,
    accounts: RefCell<BTreeMap<(String, String), i64>>,
    folders: RefCell<BTreeMap<(Tree, String), Below>>,
    added: Cell<Added>,
    entries: Cell<u64>,
}

/// What is new in the store. What changes or goes is counted by triggers.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
struct Added {
    names: u64,
    contents: u64,
    bytes: u64,
}

/// What is to be added to a folder.
#[derive(Default, Clone, Copy)]
struct Below {
    files: i64,
    bytes: i64,
}

impl<'c> Ledger<'c> {
    /// Nothing is open; the last number that was given out is `sequence`.
    pub(super) fn new(db: &'c Connection, sequence: u64) -> Self {
        Self {
            db,
            sequence: Cell::new(sequence),
            written_sequence: Cell::new(sequence),
            accounts: RefCell::default(),
            folders: RefCell::default(),
            added: Cell::default(),
            entries: Cell::new(0),
        }
    }

    /// How often something was entered: tells whether a change did.
    pub(super) fn entries(&self) -> u64 {
        self.entries.get()
    }

    fn entered(&self) {
        self.entries.set(self.entries.get() + 1);
    }

    /// The next number of the store's sequence. A number that is given out and not used leaves a gap.
    pub(super) fn next_version(&self) -> u64 {
        self.sequence.set(self.sequence.get() + 1);
        self.sequence.get()
    }

    /// Counts a new name.
    pub(super) fn add_name(&self) {
        self.entered();
        let added = self.added.get();
        self.added.set(Added { names: added.names + 1, ..added });
    }

    /// Counts a new content of so many bytes that is ready from the start.
    pub(super) fn add_content(&self, bytes: u64) {
        self.entered();
        let added = self.added.get();
        self.added.set(Added { contents: added.contents + 1, bytes: added.bytes + bytes, ..added });
    }

    /// Adds to the bytes of an account.
    pub(super) fn add_bytes(&self, dialect: &str, account: &str, bytes: i64) {
        self.entered();
        *self.accounts.borrow_mut().entry((dialect.to_owned(), account.to_owned())).or_default() += bytes;
    }

    /// Adds to the counters of one folder. A folder that holds nothing any more goes.
    pub(super) fn add_below(&self, tree: &Tree, folder: &str, files: i64, bytes: i64) {
        self.entered();
        let mut folders = self.folders.borrow_mut();
        let below = folders.entry((tree.clone(), folder.to_owned())).or_default();
        below.files += files;
        below.bytes += bytes;
    }

    /// Writes what is open of accounts, so that it can be read.
    pub(super) fn write_accounts(&self) -> rusqlite::Result<()> {
        for ((dialect, account), bytes) in self.accounts.take() {
            // Only what is added may make a row: nobody gives back what was not counted.
            let add = if bytes < 0 {
                "UPDATE usage SET bytes = bytes + ?3 WHERE dialect = ?1 AND scope = ?2"
            } else {
                "INSERT INTO usage (dialect, scope, bytes, reserved) VALUES (?1, ?2, ?3, 0)
                 ON CONFLICT DO UPDATE SET bytes = bytes + ?3"
            };
            self.db.prepare_cached(add)?.execute(params![dialect, account, bytes])?;
        }
        Ok(())
    }

    /// Writes what is open of folders, so that it can be read.
    pub(super) fn write_folders(&self) -> rusqlite::Result<()> {
        for ((tree, folder), Below { files, bytes }) in self.folders.take() {
            self.db
                .prepare_cached(
                    "INSERT INTO folder (dialect, scope, path, parent, files, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT DO UPDATE SET files = files + ?5, bytes = bytes + ?6",
                )?
                .execute(params![tree.dialect, tree.scope, folder, tree::parent(&folder), files, bytes])?;
            if files <= 0 {
                self.db
                    .prepare_cached("DELETE FROM folder WHERE dialect = ?1 AND scope = ?2 AND path = ?3 AND files = 0")?
                    .execute(params![tree.dialect, tree.scope, folder])?;
            }
        }
        Ok(())
    }

    /// Writes everything that is open.
    pub(super) fn write(&self) -> rusqlite::Result<()> {
        self.write_accounts()?;
        self.write_folders()?;
        let (sequence, added) = (self.sequence.get(), self.added.take());
        if sequence != self.written_sequence.replace(sequence) || added != Added::default() {
            self.db
                .prepare_cached(
                    "UPDATE store SET sequence = ?1, names = names + ?2, contents = contents + ?3, bytes = bytes + ?4 WHERE one = 1",
                )?
                .execute(params![sequence, added.names, added.contents, added.bytes])?;
        }
        Ok(())
    }

    /// Forgets what is open: its change was rolled back.
    pub(super) fn forget(&self) {
        self.accounts.take();
        self.folders.take();
        self.added.take();
    }
}
