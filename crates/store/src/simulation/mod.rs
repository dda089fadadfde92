//! A machine for tests that loses power: a disk in memory that knows what was synced and what was not, and the database as it stood after
//! each of its transactions.
//!
//! [`Machine`] writes down, in one order, every operation that changes the disk and every commit of the catalog. From that it can be
//! [crashed](Machine::crash) at any point of its past, as often as wanted: what was synced before the point is there afterwards; of the
//! rest each write is kept, lost or torn between sectors, each change of a length, each block taken ahead and each hole kept or lost, and each name that
//! appeared, moved or went kept or lost by itself, whatever became of the bytes. Only a move is one thing, as on every file system with
//! a journal. A sync that failed loses what was not synced: a later one that succeeds does not bring it back.
//!
//! SQLite does its own I/O, and its durability is taken as given: after a crash the database stands at the last transaction whose commit
//! was synced, at one of those behind it, or at the one whose commit was on its way.
//!
//! Every call can be made to fail or to wait ([`Rule`]), and the disk can be full ([`Machine::set_capacity`]).

mod crash;
mod crashes;
mod dice;
mod disk;
mod extents;
mod failing_disks;
mod files;
mod journal;
mod rules;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use rusqlite::Connection;

use self::{
    disk::SimulatedDisk,
    files::{FileId, Files, Operation},
    rules::Rule,
};
use crate::{
    OpenError, Options, Store,
    catalog::witness::Witness,
    inner::lock,
    options::Durability,
    startup::{CATALOG, Foundation, STORE_ID},
};

/// How long a test waits for a call that is held, or for a store that is closed.
const PATIENCE: Duration = Duration::from_mins(20);

/// The bytes of a database.
type Rows = Arc<[u8]>;

/// Something that happened to what lies on the disk.
#[derive(Clone)]
enum Event {
    Disk(Operation),
    /// A transaction is about to be committed.
    Committing,
    /// It is committed, and the database stands so. What is not durable may be lost with everything behind it.
    Committed {
        rows: Rows,
        durable: bool,
    },
}

/// A simulated machine; see the module.
pub(crate) struct Machine {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The disk as it was when the log began; all of it is durable.
    base: Files,
    now: Files,
    /// The database as it was when the log began; none before a first start.
    rows: Option<Rows>,
    log: Vec<Event>,
    next_file: u64,
    /// How often a file is open: its blocks are taken until it is closed, even if it has no name any more.
    open: HashMap<FileId, usize>,
    capacity: u64,
    rules: Vec<Rule>,
    /// Calls that a rule holds now.
    held: usize,
}

impl Machine {
    fn with(base: Files, rows: Option<Rows>, next_file: u64) -> Arc<Self> {
        let state = State {
            now: base.clone(),
            base,
            rows,
            log: Vec::new(),
            next_file,
            open: HashMap::new(),
            capacity: 1 << 40,
            rules: Vec::new(),
            held: 0,
        };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    /// A machine with an empty disk.
    pub(crate) fn new() -> Arc<Self> {
        Self::with(Files::default(), None, 0)
    }

    /// The length of the log: what happens from now on comes behind it.
    pub(crate) fn position(&self) -> usize {
        lock(&self.state).log.len()
    }

    /// The disk is this large from now on, in bytes.
    pub(crate) fn set_capacity(&self, bytes: u64) {
        lock(&self.state).capacity = bytes;
    }

    /// Bytes of the disk that are taken.
    pub(crate) fn taken(&self) -> u64 {
        lock(&self.state).taken()
    }

    /// Adds a rule. The first one that a call meets decides.
    pub(crate) fn add(&self, rule: Rule) {
        lock(&self.state).rules.push(rule);
    }

    /// Takes all rules away; what was held goes on.
    pub(crate) fn heal(&self) {
        lock(&self.state).rules.clear();
        self.changed.notify_all();
    }

    /// Waits until a call is held. Blocks.
    pub(crate) fn wait_until_held(&self) {
        let state = lock(&self.state);
        let (state, _) = self.changed.wait_timeout_while(state, PATIENCE, |state| state.held == 0).unwrap();
        assert!(state.held > 0, "no call that the rule holds was made");
    }

    /// The names in a folder.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        lock(&self.state).now.names(folder)
    }

    /// Bytes of the disk that the file of a name takes.
    pub(crate) fn taken_by(&self, folder: &str, name: &str) -> u64 {
        lock(&self.state).now.find(folder, name).map_or(0, |(_, file)| file.taken())
    }

    /// Which pages the file of a name has on the disk.
    pub(crate) fn pages_of(&self, folder: &str, name: &str) -> extents::Extents {
        lock(&self.state).now.find(folder, name).map(|(_, file)| file.blocks().clone()).unwrap_or_default()
    }

    /// The last things that happened before `at`, one a line.
    pub(crate) fn story(&self, at: usize) -> String {
        let state = lock(&self.state);
        let from = at.saturating_sub(40);
        let lines = state.log[..at].iter().enumerate().skip(from).map(|(number, event)| match event {
            Event::Disk(operation) => format!("{number}: {operation}\n"),
            Event::Committing => format!("{number}: commit begins\n"),
            Event::Committed { durable, .. } => format!("{number}: committed, durable: {durable}\n"),
        });
        lines.collect()
    }

    /// Opens the store of this machine, whose database lies in `folder`. Nothing goes on in its background.
    pub(crate) async fn open(self: &Arc<Self>, folder: &Path, options: Options) -> Result<Store, OpenError> {
        let options = Options { data: crate::DataFolder::At(folder.to_owned()), ..options };
        Store::open_upon(&options, self.foundation()).await
    }

    fn foundation(self: &Arc<Self>) -> Foundation {
        Foundation {
            disk: Arc::new(SimulatedDisk(Arc::clone(self))),
            // The snapshots decide what is left of the rows.
            rows: Durability::None,
            witness: Some(Arc::<Self>::clone(self)),
        }
    }

    /// Puts the database as it stood when the log began into `folder`, a new one.
    pub(crate) fn restore_rows(&self, folder: &Path) {
        if let Some(rows) = &lock(&self.state).rows {
            std::fs::write(folder.join(CATALOG), rows).unwrap();
            let db = Connection::open(folder.join(CATALOG)).unwrap();
            let id: [u8; 16] = db.query_row("SELECT id FROM store", [], |row| row.get(0)).unwrap();
            std::fs::write(folder.join(STORE_ID), uuid::Uuid::from_bytes(id).to_string()).unwrap();
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap()
    }
}

impl State {
    fn taken(&self) -> u64 {
        self.now.taken(|file| self.open.contains_key(&file))
    }

    /// Does an operation, and writes it down.
    fn record(&mut self, operation: Operation) {
        self.now.apply(&operation);
        self.log.push(Event::Disk(operation));
    }
}

impl Witness for Machine {
    fn committing(&self) {
        lock(&self.state).log.push(Event::Committing);
    }

    fn committed(&self, db: &mut Connection, durable: bool) {
        let rows = db.serialize(rusqlite::MAIN_DB).unwrap();
        lock(&self.state).log.push(Event::Committed { rows: Arc::from(&rows[..]), durable });
    }
}
