//! What lies on a simulated disk: folders with names, files with bytes and blocks, and the operations that change them.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    ops::Range,
    sync::Arc,
};

use bytes::Bytes;

use super::extents::Extents;

/// Blocks have this size.
pub(super) const PAGE: u64 = 4_096;

/// A file, whatever it is called.
pub(super) type FileId = u64;

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) folder: String,
    pub(super) name: String,
}

/// A change of the disk.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Create {
        place: Place,
        file: FileId,
    },
    Rename {
        from: Place,
        to: Place,
    },
    Remove {
        place: Place,
    },
    SyncFolder {
        folder: String,
    },
    Write {
        file: FileId,
        offset: u64,
        bytes: Bytes,
    },
    SetLength {
        file: FileId,
        length: u64,
    },
    Allocate {
        file: FileId,
        offset: u64,
        length: u64,
    },
    Punch {
        file: FileId,
        offset: u64,
        length: u64,
    },
    Sync {
        file: FileId,
    },
    /// A sync that failed: what was not synced before will not be synced by the next one.
    SyncFailed {
        file: FileId,
    },
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { file, offset, bytes } => write!(f, "Write {{ file: {file}, {offset}+{} }}", bytes.len()),
            other => write!(f, "{other:?}"),
        }
    }
}

/// The bytes of a file, and its blocks.
#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    length: u64,
    pages: BTreeMap<u64, Arc<Vec<u8>>>,
    /// Pages that take room: those with bytes, and those taken ahead.
    blocks: Extents,
}

/// The pages that a range of bytes touches.
fn touched(offset: u64, length: u64) -> Range<u64> {
    offset / PAGE..(offset + length).div_ceil(PAGE)
}

fn index(position: u64) -> usize {
    usize::try_from(position).unwrap()
}

impl Image {
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn taken(&self) -> u64 {
        self.blocks.count() * PAGE
    }

    pub(super) const fn blocks(&self) -> &Extents {
        &self.blocks
    }

    /// Bytes of the disk that writing a range would take.
    pub(super) fn wants(&self, offset: u64, length: u64) -> u64 {
        self.blocks.missing(touched(offset, length)) * PAGE
    }

    /// Calls `part` with each page of a range: its number, the range inside it, and that part's offset in the range.
    fn by_page(offset: u64, length: u64, mut part: impl FnMut(u64, Range<usize>, usize)) {
        let mut done = 0;
        while done < length {
            let inside = (offset + done) % PAGE;
            let now = (PAGE - inside).min(length - done);
            part((offset + done) / PAGE, index(inside)..index(inside + now), index(done));
            done += now;
        }
    }

    fn page(&mut self, number: u64) -> &mut Vec<u8> {
        Arc::make_mut(self.pages.entry(number).or_insert_with(|| Arc::new(vec![0; index(PAGE)])))
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let length = bytes.len() as u64;
        Self::by_page(offset, length, |number, range, at| {
            let count = range.len();
            self.page(number)[range].copy_from_slice(&bytes[at..at + count]);
        });
        self.blocks.insert(touched(offset, length));
        self.length = self.length.max(offset + length);
    }

    pub(super) fn read(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        if offset + length as u64 > self.length {
            return None;
        }
        let mut bytes = vec![0; length];
        Self::by_page(offset, length as u64, |number, range, at| {
            if let Some(page) = self.pages.get(&number) {
                bytes[at..at + range.len()].copy_from_slice(&page[range]);
            }
        });
        Some(bytes)
    }

    fn set_length(&mut self, length: u64) {
        if length < self.length {
            self.clear(length, self.length.next_multiple_of(PAGE) - length);
            self.blocks.remove(length.div_ceil(PAGE)..u64::MAX);
        }
        self.length = length;
    }

    /// Makes a range zeros; whole pages of it go.
    fn clear(&mut self, offset: u64, length: u64) {
        let (first, end) = (offset.div_ceil(PAGE), (offset + length) / PAGE);
        if first < end {
            let gone: Vec<u64> = self.pages.range(first..end).map(|(number, _)| *number).collect();
            for number in gone {
                self.pages.remove(&number);
            }
            self.blocks.remove(first..end);
        }
        Self::by_page(offset, length, |number, range, _| {
            if let Some(page) = self.pages.get_mut(&number) {
                Arc::make_mut(page)[range].fill(0);
            }
        });
    }

    fn allocate(&mut self, offset: u64, length: u64) {
        self.blocks.insert(touched(offset, length));
        self.length = self.length.max(offset + length);
    }

    /// The file is at least so long.
    pub(super) fn reach(&mut self, length: u64) {
        self.length = self.length.max(length);
    }
}

/// Folders and files.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    folders: BTreeMap<String, BTreeMap<String, FileId>>,
    files: HashMap<FileId, Image>,
}

impl Files {
    pub(super) fn make_folder(&mut self, folder: String) {
        self.folders.entry(folder).or_default();
    }

    pub(super) fn has_folder(&self, folder: &str) -> bool {
        self.folders.contains_key(folder)
    }

    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        self.folders.get(folder).into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    pub(super) fn find(&self, folder: &str, name: &str) -> Option<(FileId, &Image)> {
        let file = *self.folders.get(folder)?.get(name)?;
        Some((file, &self.files[&file]))
    }

    pub(super) fn file(&self, file: FileId) -> &Image {
        &self.files[&file]
    }

    pub(super) fn file_mut(&mut self, file: FileId) -> &mut Image {
        self.files.entry(file).or_default()
    }

    /// Bytes that all files take which have a name, or are open.
    pub(super) fn taken(&self, is_open: impl Fn(FileId) -> bool) -> u64 {
        let named: Vec<FileId> = self.folders.values().flat_map(BTreeMap::values).copied().collect();
        self.files
            .iter()
            .filter(|(file, _)| named.contains(file) || is_open(**file))
            .map(|(_, file)| file.taken())
            .sum()
    }

    /// Forgets files without a name.
    pub(super) fn forget_unnamed(&mut self) {
        let named: Vec<FileId> = self.folders.values().flat_map(BTreeMap::values).copied().collect();
        self.files.retain(|file, _| named.contains(file));
    }

    fn folder(&mut self, folder: &str) -> &mut BTreeMap<String, FileId> {
        self.folders.entry(folder.to_owned()).or_default()
    }

    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Create { place, file } => {
                self.folder(&place.folder).insert(place.name.clone(), *file);
                self.file_mut(*file);
            }
            Operation::Rename { from, to } => {
                if let Some(file) = self.folder(&from.folder).remove(&from.name) {
                    self.folder(&to.folder).insert(to.name.clone(), file);
                }
            }
            Operation::Remove { place } => {
                self.folder(&place.folder).remove(&place.name);
            }
            Operation::Write { file, offset, bytes } => self.file_mut(*file).write(*offset, bytes),
            Operation::SetLength { file, length } => self.file_mut(*file).set_length(*length),
            Operation::Allocate { file, offset, length } => self.file_mut(*file).allocate(*offset, *length),
            Operation::Punch { file, offset, length } => self.file_mut(*file).clear(*offset, *length),
            Operation::Sync { .. } | Operation::SyncFailed { .. } | Operation::SyncFolder { .. } => {}
        }
    }
}

#[test]
fn a_file_is_bytes_holes_and_blocks() {
    let mut file = Image::default();
    file.allocate(0, 10 * PAGE);
    file.write(PAGE - 2, b"abcd");
    assert_eq!((file.length, file.taken(), file.wants(0, 11 * PAGE)), (10 * PAGE, 10 * PAGE, PAGE));
    file.clear(0, 2 * PAGE);
    assert_eq!((file.taken(), file.read(PAGE - 2, 4)), (8 * PAGE, Some(vec![0; 4])));
    file.write(PAGE - 2, b"abcd");
    file.set_length(PAGE + 1);
    assert_eq!((file.taken(), file.read(PAGE - 2, 3), file.read(PAGE, 2)), (2 * PAGE, Some(b"abc".to_vec()), None));
    file.set_length(3 * PAGE);
    assert_eq!(file.read(PAGE, 3), Some(vec![b'c', 0, 0]), "what was cut off does not come back");
}
