//! From a folder to a working store: the lock, the ids that must agree, what an earlier run left behind.

use std::{
    collections::HashSet,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use uuid::Uuid;

use crate::{
    catalog::{
        Catalog,
        sqlite::{OpenedCatalog, Pragmas, SqliteCatalog},
        witness::Witness,
    },
    change::Step,
    error::{ChangeError, Fault, OpenError},
    options::{DataFolder, Durability, Options, Purpose},
    segments::{
        Container,
        disk::{Disk, system, system::SystemDisk},
        files::{FileSegments, PAGE},
        folder::Folder,
    },
};

const LOCK: &str = "lock";
pub(crate) const STORE_ID: &str = "store-id";
pub(crate) const CATALOG: &str = "catalog.sqlite";
/// Stretches of a pack that are given back at a time.
const GAPS: usize = 1_024;

/// What is held as long as the store is open.
pub(crate) struct Premises {
    /// Where the data lies.
    pub(crate) root: PathBuf,
    _lock: File,
    _temporary: Option<tempfile::TempDir>,
}

/// The embedded pair of engines, ready to work.
pub(crate) struct Engines {
    pub(crate) catalog: SqliteCatalog,
    pub(crate) segments: FileSegments,
    pub(crate) premises: Premises,
}

/// What a store is built upon; all of it is the system's, except in tests.
pub(crate) struct Foundation {
    /// Where bytes lie.
    pub(crate) disk: Arc<dyn Disk>,
    /// Whether the database syncs.
    pub(crate) rows: Durability,
    /// Who is told of its transactions.
    pub(crate) witness: Option<Arc<dyn Witness>>,
}

impl Foundation {
    pub(crate) fn system(options: &Options) -> Self {
        Self { disk: Arc::new(SystemDisk), rows: options.durability, witness: None }
    }
}

/// Opens the data folder with everything in it.
pub(crate) async fn open(options: &Options, foundation: Foundation) -> Result<Engines, OpenError> {
    options.limits.check()?;
    let on_thread = options.clone();
    let Foundation { disk, rows, witness } = foundation;
    let (opened, folder, premises, containers) =
        tokio::task::spawn_blocking(move || open_folder(&on_thread, disk, rows))
            .await
            .map_err(|_| OpenError::Fault { folder: "the data folder".into(), source: Fault::Closed })??;
    let name = premises.root.display().to_string();
    let fault = |source| OpenError::Fault { folder: name.clone(), source };
    let catalog = opened.start(Arc::clone(&options.clock), witness).map_err(fault)?;
    let mut sealed = HashSet::new();
    if options.purpose == Purpose::Use {
        match catalog.apply(Step::AbortUploads.into()).await {
            Err(ChangeError::Fault(source)) => return Err(fault(source)),
            Err(ChangeError::Refused { .. }) | Ok(_) => {}
        }
        sealed = tidy(options, &catalog, &folder, containers).await.map_err(fault)?;
    }
    let segments = FileSegments::start(folder, Arc::clone(&options.ids), sealed)
        .map_err(|error| fault(Fault::from_io("starting the packer", error)))?;
    catalog.store_bytes_with(segments.packs());
    Ok(Engines { catalog, segments, premises })
}

type Opened = (OpenedCatalog, Arc<Folder>, Premises, Vec<Container>);

fn open_folder(options: &Options, disk: Arc<dyn Disk>, rows: Durability) -> Result<Opened, OpenError> {
    let (root, temporary) = match &options.data {
        DataFolder::At(path) => (path.clone(), None),
        DataFolder::Ephemeral => {
            let temporary = tempfile::Builder::new()
                .prefix("pentaprism-")
                .tempdir()
                .map_err(|error| failed("a temporary folder", "creating a temporary folder", error))?;
            (temporary.path().to_owned(), Some(temporary))
        }
    };
    let name = root.display().to_string();
    make_folder(options, &root).map_err(|error| failed(&name, "creating the data folder", error))?;
    let lock = take_lock(&root, &name)?;
    let had_catalog = root.join(CATALOG).exists();
    let file_id = read_id(&root).map_err(|error| failed(&name, "reading the store id", error))?;
    if file_id.is_some() && !had_catalog {
        return Err(OpenError::Mismatch { folder: name, why: format!("it has a {STORE_ID} but no {CATALOG}") });
    }
    let pragmas = Pragmas { durability: rows };
    let mut catalog =
        OpenedCatalog::open(&root.join(CATALOG), pragmas).map_err(|error| error.into_open_error(&name))?;
    let folder = Folder::open(disk, &root, options.durability, options.limits.disk_reserve)
        .map_err(|error| failed(&name, "creating the folders", error))?;
    let containers = folder.containers().map_err(|error| failed(&name, "listing the files", error))?;
    agree(options, &root, &name, file_id, &mut catalog)?;
    catalog.replay(&folder).map_err(|source| OpenError::Fault { folder: name, source })?;
    Ok((catalog, Arc::new(folder), Premises { root, _lock: lock, _temporary: temporary }, containers))
}

/// Makes the data folder with what is missing above it; all of those names are durable afterwards.
fn make_folder(options: &Options, root: &Path) -> io::Result<()> {
    let root = std::path::absolute(root)?;
    let missing: Vec<&Path> = root.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(&root)?;
    if options.durability == Durability::Sync {
        for parent in missing.into_iter().filter_map(Path::parent) {
            system::sync_folder(parent)?;
        }
    }
    Ok(())
}

fn failed(folder: &str, action: &'static str, error: io::Error) -> OpenError {
    OpenError::Fault { folder: folder.to_owned(), source: Fault::from_io(action, error) }
}

fn take_lock(root: &Path, name: &str) -> Result<File, OpenError> {
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(root.join(LOCK))
        .map_err(|error| failed(name, "creating the lock", error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { folder: name.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(name, "taking the lock", error)),
    }
}

fn read_id(root: &Path) -> io::Result<Option<Uuid>> {
    match fs::read_to_string(root.join(STORE_ID)) {
        // Left by a crash of a first start; whether it was one is known to the database.
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => {
            Uuid::try_parse(text.trim()).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// One id stands in the folder and in the database, so that neither is used with another's.
fn agree(
    options: &Options,
    root: &Path,
    name: &str,
    in_folder: Option<Uuid>,
    catalog: &mut OpenedCatalog,
) -> Result<(), OpenError> {
    let mismatch = |why: &str| OpenError::Mismatch { folder: name.to_owned(), why: why.to_owned() };
    let id = match (in_folder, catalog.store_id) {
        (Some(folder), Some(database)) if folder == database => return Ok(()),
        (Some(_), Some(_)) => return Err(mismatch("their store ids differ")),
        (Some(_), None) => return Err(mismatch("the database has no store id")),
        (None, Some(_)) if !catalog.virgin => return Err(mismatch("the folder has no store id")),
        // The first start, or one that ended before the id was written into the folder.
        (None, Some(database)) => database,
        (None, None) => {
            let id = options.ids.next();
            catalog.adopt(id).map_err(|source| OpenError::Fault { folder: name.to_owned(), source })?;
            id
        }
    };
    write_id(options, root, id).map_err(|error| failed(name, "writing the store id", error))
}

fn write_id(options: &Options, root: &Path, id: Uuid) -> io::Result<()> {
    use io::Write as _;
    let new = root.join("store-id.new");
    let mut file = File::create(&new)?;
    writeln!(file, "{id}")?;
    if options.durability == Durability::Sync {
        file.sync_all()?;
    }
    // The name appears with the whole id: an empty file would be refused at every later start.
    fs::rename(new, root.join(STORE_ID))?;
    if options.durability == Durability::Sync {
        system::sync_folder(root)?;
    }
    Ok(())
}

/// Seals the packs of earlier runs and sets files aside that no row names. Returns the sealed packs.
async fn tidy(
    options: &Options,
    catalog: &SqliteCatalog,
    folder: &Arc<Folder>,
    containers: Vec<Container>,
) -> Result<HashSet<Uuid>, Fault> {
    let now = options.clock.now();
    let mut sealed = HashSet::new();
    let mut strangers = Vec::new();
    for container in containers {
        match container {
            Container::Pack(id) => match catalog.pack_end(id).await? {
                Some(end) => {
                    seal(catalog, folder, id, end).await?;
                    sealed.insert(id);
                }
                None => strangers.push(container),
            },
            Container::Own(_) if catalog.knows(container).await? => {}
            Container::Own(_) => strangers.push(container),
        }
    }
    if !strangers.is_empty() {
        tracing::warn!(files = strangers.len(), "files without a row are set aside in orphans/ for 24 hours");
    }
    on_folder(folder, move |folder| {
        for stranger in strangers {
            folder.set_aside(stranger, now)?;
        }
        folder.purge(now)
    })
    .await?;
    Ok(sealed)
}

/// Ends a pack of an earlier run. Behind its last segment lies what was taken ahead; before it may lie bodies that were never recorded,
/// because their run ended too early, and holes that were not durable then.
async fn seal(catalog: &SqliteCatalog, folder: &Arc<Folder>, pack: Uuid, end: u64) -> Result<(), Fault> {
    if !on_folder(folder, move |folder| folder.is_unsealed(pack, end)).await? {
        return Ok(());
    }
    let mut from = 0;
    loop {
        let gaps = catalog.gaps(pack, from, PAGE, GAPS).await?;
        let Some(last) = gaps.last() else { break };
        from = last.end;
        on_folder(folder, move |folder| folder.punch(pack, &gaps)).await?;
    }
    on_folder(folder, move |folder| folder.seal(pack, end)).await
}

/// Work on the folder, on a thread that may block.
async fn on_folder<T: Send + 'static>(
    folder: &Arc<Folder>,
    work: impl FnOnce(&Folder) -> io::Result<T> + Send + 'static,
) -> Result<T, Fault> {
    let folder = Arc::clone(folder);
    tokio::task::spawn_blocking(move || work(&folder))
        .await
        .map_err(|_| Fault::Closed)?
        .map_err(|error| Fault::from_io("tidying the data folder", error))
}
