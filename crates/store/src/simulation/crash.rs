//! A loss of power: what is left of what was not synced.

use std::{collections::HashMap, mem, sync::Arc};

use super::{
    Event, Machine, Rows, State,
    dice::Dice,
    files::{FileId, Files, Image, Operation},
};
use crate::inner::lock;

/// What a disk keeps or loses as a whole.
const SECTOR: u64 = 512;

/// How a disk treats what was not synced.
#[derive(Clone, Copy)]
enum Mood {
    LosesAll,
    KeepsAll,
    Mixed,
}

impl Machine {
    /// The machine as it comes up again after it lost power when the log was `at` long. Chance follows from the seed.
    pub(crate) fn crash(&self, at: usize, seed: u64) -> Arc<Self> {
        let mut dice = Dice::new(seed);
        let mood = *dice.pick(&[Mood::LosesAll, Mood::LosesAll, Mood::KeepsAll, Mood::Mixed, Mood::Mixed, Mood::Mixed]);
        let state = lock(&self.state);
        let durable = durable(&state.log[..at]);
        let mut files = state.base.clone();
        for (event, durable) in state.log[..at].iter().zip(durable) {
            let Event::Disk(operation) = event else { continue };
            if durable {
                files.apply(operation);
            } else {
                apply_by_chance(&mut files, operation, mood, &mut dice);
            }
        }
        files.forget_unnamed();
        let rows = state.rows_at(at, &mut dice);
        Self::with(files, rows, state.next_file)
    }
}

impl State {
    /// The database at a point of the log: as it stood after the last durable commit, or after one behind it. A commit that was on its way
    /// may have succeeded.
    fn rows_at(&self, at: usize, dice: &mut Dice) -> Option<Rows> {
        let mut possible = vec![self.rows.clone()];
        for event in &self.log[..at] {
            let Event::Committed { rows, durable } = event else { continue };
            if *durable {
                possible.clear();
            }
            possible.push(Some(Arc::clone(rows)));
        }
        let of_rows = |event: &&Event| !matches!(event, Event::Disk(_));
        let under_way = matches!(self.log[..at].iter().rev().find(of_rows), Some(Event::Committing));
        if under_way && let Some(Event::Committed { rows, .. }) = self.log[at..].iter().find(of_rows) {
            possible.push(Some(Arc::clone(rows)));
        }
        dice.pick(&possible).clone()
    }
}

/// Which events are durable at the end of `log`.
fn durable(log: &[Event]) -> Vec<bool> {
    let mut durable = vec![false; log.len()];
    let mut of_files: HashMap<FileId, Vec<usize>> = HashMap::new();
    let mut of_folders: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, event) in log.iter().enumerate() {
        let Event::Disk(operation) = event else { continue };
        match operation {
            Operation::Write { file, .. }
            | Operation::SetLength { file, .. }
            | Operation::Allocate { file, .. }
            | Operation::Punch { file, .. } => of_files.entry(*file).or_default().push(number),
            Operation::Create { place, .. } | Operation::Remove { place } => {
                of_folders.entry(&place.folder).or_default().push(number);
            }
            // One record of the journal: durable with either folder.
            Operation::Rename { from, to } => {
                of_folders.entry(&from.folder).or_default().push(number);
                of_folders.entry(&to.folder).or_default().push(number);
            }
            Operation::Sync { file } => settle(&mut durable, of_files.get_mut(file)),
            Operation::SyncFailed { file } => drop(of_files.remove(file)),
            Operation::SyncFolder { folder } => settle(&mut durable, of_folders.get_mut(&folder[..])),
        }
    }
    durable
}

fn settle(durable: &mut [bool], waiting: Option<&mut Vec<usize>>) {
    for number in waiting.map(mem::take).unwrap_or_default() {
        durable[number] = true;
    }
}

fn apply_by_chance(files: &mut Files, operation: &Operation, mood: Mood, dice: &mut Dice) {
    let keeps = match mood {
        Mood::LosesAll => false,
        Mood::KeepsAll => true,
        Mood::Mixed => dice.coin(),
    };
    match operation {
        Operation::Write { file, offset, bytes } if matches!(mood, Mood::Mixed) && dice.coin() => {
            tear(files.file_mut(*file), *offset, bytes, dice);
        }
        _ if keeps => files.apply(operation),
        _ => {}
    }
}

/// Writes some of the sectors. The length may be that of the whole.
fn tear(file: &mut Image, offset: u64, bytes: &[u8], dice: &mut Dice) {
    let end = offset + bytes.len() as u64;
    let index = |position: u64| usize::try_from(position - offset).unwrap();
    let mut start = offset;
    while start < end {
        let next = ((start / SECTOR + 1) * SECTOR).min(end);
        if dice.coin() {
            file.write(start, &bytes[index(start)..index(next)]);
        }
        start = next;
    }
    if dice.coin() {
        file.reach(end);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bytes::Bytes;

    use super::*;
    use crate::segments::disk::{Disk as _, write_all_at};
    use crate::simulation::disk::SimulatedDisk;

    fn outcomes<T: Ord>(machine: &Machine, look: impl Fn(&Machine) -> T) -> std::collections::BTreeSet<T> {
        (0..200).map(|seed| look(&machine.crash(machine.position(), seed))).collect()
    }

    fn read(machine: &Machine) -> Option<Vec<u8>> {
        let state = lock(&machine.state);
        let (_, file) = state.now.find("files", "a")?;
        file.read(0, usize::try_from(file.length()).unwrap())
    }

    #[test]
    fn bytes_need_a_sync_of_the_file_and_a_name_one_of_its_folder() {
        let machine = Machine::new();
        let disk = SimulatedDisk(Arc::clone(&machine));
        disk.make_folder(Path::new("/x/files")).unwrap();
        let file = disk.create_new(Path::new("/x/files/a")).unwrap();
        let bytes = [Bytes::from(vec![1; 512]), Bytes::from(vec![2; 512])];
        write_all_at(&*file, &bytes, 0).unwrap();
        file.sync_data().unwrap();
        assert_eq!(outcomes(&machine, read), [None, Some(bytes.concat())].into());
        disk.sync_folder(Path::new("/x/files")).unwrap();
        assert_eq!(outcomes(&machine, read), [Some(bytes.concat())].into());
        write_all_at(&*file, &[Bytes::from(vec![3; 1_024])], 0).unwrap();
        let expected = [[1, 2], [1, 3], [3, 2], [3, 3]].map(|[a, b]| Some([[a; 512], [b; 512]].concat()));
        assert_eq!(outcomes(&machine, read), expected.clone().into(), "a write is torn between sectors");
        disk.remove(Path::new("/x/files/a")).unwrap();
        assert!(outcomes(&machine, read).contains(&None) && outcomes(&machine, read).contains(&expected[0]));
    }

    #[test]
    fn what_a_failed_sync_lost_is_not_synced_by_the_next() {
        let machine = Machine::new();
        let disk = SimulatedDisk(Arc::clone(&machine));
        disk.make_folder(Path::new("/x/files")).unwrap();
        let file = disk.create_new(Path::new("/x/files/a")).unwrap();
        disk.sync_folder(Path::new("/x/files")).unwrap();
        write_all_at(&*file, &[Bytes::from_static(b"a")], 0).unwrap();
        machine.add(super::super::rules::Rule::fails(|call| call.is_sync(), rustix::io::Errno::IO).times(1));
        file.sync_data().unwrap_err();
        file.sync_data().unwrap();
        assert!(outcomes(&machine, read).contains(&Some(Vec::new())));
    }
}
