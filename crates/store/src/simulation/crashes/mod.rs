//! Random work, and a loss of power at every point of it: whatever was acknowledged is there, whatever was not is there as a whole or
//! not at all, the store agrees with itself and leaks nothing. The way up again is crashed, too.
//!
//! Each seed is a machine that lives several times. In each life actions are done, one by one or several at a time, beside a model of a
//! few maps; then the machine is crashed at every point of its log and opened again, and one of the crashes is its next life.
//!
//! `PENTAPRISM_STORE_CRASH_POINTS` says how many crashes there shall be, at every point of each log; without it there are 1,500, at every
//! third one, so that there are more lives. `PENTAPRISM_STORE_CRASH_SEED` repeats the seed that a failure names, at every point.

mod bodies;
mod check;
mod choice;
mod life;
mod model;
mod perform;

use std::{collections::BTreeSet, sync::Arc};

use tempfile::TempDir;

use self::{
    check::{assert_sound, look, strangers},
    life::{History, Life, Past},
    model::{Action, Announced, How, Model},
};
use super::{Machine, dice::Dice};
use crate::{ManualClock, Options, SequentialIds, Store, Timestamp};

/// Crashes that are tried when nobody says how many.
const POINTS: u64 = 1_500;
/// Tests that share them, so that they run beside each other.
const SHARES: u64 = 3;
/// How often one machine comes up again.
const LIVES: u64 = 3;
/// The clock of the first life.
const START: i64 = 1_763_700_000_000_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("the variable is a number"))
}

/// Nobody asked for a long run, or for one seed.
fn quick() -> bool {
    number("PENTAPRISM_STORE_CRASH_POINTS").is_none() && number("PENTAPRISM_STORE_CRASH_SEED").is_none()
}

/// Ids count upwards; those of different runs never meet.
fn options(now: Timestamp, run: u64) -> (Options, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(now));
    let options = Options::folder("")
        .limits(perform::limits())
        .clock(Arc::<ManualClock>::clone(&clock))
        .ids(Arc::new(SequentialIds::new(run)));
    (options, clock)
}

/// Says what failed, so that it can be repeated.
struct Told {
    seed: u64,
    life: u64,
    at: usize,
    chance: u64,
    machine: Arc<Machine>,
    during: String,
}

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, life, at, chance, machine, during } = self;
            println!(
                "PENTAPRISM_STORE_CRASH_SEED={seed}: life {life}, crash at {at} with chance {chance}, during {during}"
            );
            println!("{}", machine.story(*at));
        }
    }
}

/// What a machine that comes up again is compared with.
struct Expected<'a> {
    allowed: &'a [Model],
    past: &'a Past,
    now: Timestamp,
}

/// Opens the store of a machine that came up again and looks at everything. Returns what it holds, and how long the log was
/// before anything new was done to it.
async fn verify(machine: &Arc<Machine>, expected: &Expected<'_>, run: u64) -> (Model, usize) {
    let folder = TempDir::new().unwrap();
    machine.restore_rows(folder.path());
    let strangers = strangers(machine, folder.path());
    let (options, _) = options(expected.now, run);
    let store = machine.open(folder.path(), options).await.unwrap();
    for stranger in &strangers {
        let aside = machine.names("orphans").iter().any(|name| name.ends_with(&format!("-{stranger}")));
        assert!(aside, "{stranger} has no row and was not set aside");
    }
    let seen = look(&store, &expected.past.sessions).await;
    let allowed = expected.allowed.iter();
    let found = allowed.clone().find(|model| model.seen(expected.now) == seen);
    let found = found.unwrap_or_else(|| {
        let allowed: Vec<_> = allowed.map(|model| model.seen(expected.now)).collect();
        panic!("the store holds\n{seen:#?}\nbut may hold only one of\n{allowed:#?}")
    });
    let mut found = found.clone();
    found.expire(expected.now);
    let open = found.sessions.values().filter(|session| session.takes_chunks()).count();
    assert_sound(&store, machine, &expected.past.packed, open).await;
    let end = machine.position();
    goes_on(&store).await;
    assert!(store.close(super::PATIENCE).await);
    (found, end)
}

/// Small and large bodies can still be stored.
async fn goes_on(store: &Store) {
    let how = How { announced: Announced::Right, quota: false, frame: 5_000, detached: false };
    for (path, body) in [("new/small", bodies::BodyId::small()), ("new/large", bodies::BodyId::large())] {
        assert!(perform::perform(store, &Action::Put { path: path.to_owned(), body, how }).await);
    }
    let seen = look(store, &BTreeSet::new()).await;
    assert_eq!(seen.files["new/small"], bodies::BodyId::small());
    assert_eq!(seen.files["new/large"], bodies::BodyId::large());
}

/// Crashes a machine at every point of its life (or every third), and once on the way up from each, but not more often than wanted.
/// Returns how often.
async fn crash_everywhere(history: &History, seed: u64, life: u64, dice: &mut Dice, wanted: u64) -> u64 {
    let machine = &history.machine;
    let every = if quick() { 3 } else { 1 };
    let mut crashes = 0;
    for at in (history.from + dice.below(every)..=history.end()).step_by(every) {
        let chance = dice.fork();
        let (allowed, now, during) = history.allowed(at);
        let during = format!("{during:?}");
        let mut told = Told { seed, life, at, chance, machine: Arc::clone(machine), during };
        let expected = Expected { allowed: &allowed, past: &history.past, now };
        let up = machine.crash(at, chance);
        let run = (life << 8) + 1;
        let (found, end) = verify(&up, &expected, run).await;
        let (at, chance) = (dice.below(end + 1), dice.fork());
        told.during =
            format!("the way up from the crash at {} with chance {} during {}", told.at, told.chance, told.during);
        (told.at, told.chance, told.machine) = (at, chance, Arc::clone(&up));
        let found = [found];
        verify(&up.crash(at, chance), &Expected { allowed: &found, ..expected }, run + 1).await;
        crashes += 2;
        if crashes >= wanted {
            break;
        }
    }
    crashes
}

/// All lives of one seed, until there were as many crashes as wanted.
async fn live_and_crash(seed: u64, wanted: u64) -> u64 {
    let mut dice = Dice::new(seed);
    let mut machine = Life::first_machine().await;
    let mut model = Model::default();
    let mut now = Timestamp::from_unix_micros(START);
    let (mut crashes, mut past) = (0, Past::default());
    for life in 1..=LIVES {
        let told = Told { seed, life, at: 0, chance: 0, machine: Arc::clone(&machine), during: "its life".into() };
        let history = Life::begin(machine, model, now, life << 8, past).await.live(&mut dice).await;
        drop(told);
        crashes += crash_everywhere(&history, seed, life, &mut dice, wanted - crashes).await;
        if crashes >= wanted {
            break;
        }
        let at = history.from + dice.below(history.end() - history.from + 1);
        let (allowed, then, _) = history.allowed(at);
        let up = history.machine.crash(at, dice.fork());
        let again = up.crash(0, 0);
        let expected = Expected { allowed: &allowed, past: &history.past, now: then };
        (model, _) = verify(&again, &expected, (life << 8) + 3).await;
        (machine, now, past) = (up, then, history.past);
    }
    crashes
}

fn share_of_crashes(share: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
    if let Some(seed) = number("PENTAPRISM_STORE_CRASH_SEED") {
        println!("{} crashes", runtime.block_on(live_and_crash(seed, u64::MAX)));
        return;
    }
    let wanted = number("PENTAPRISM_STORE_CRASH_POINTS").unwrap_or(POINTS) / SHARES;
    let (mut crashes, mut seed) = (0, share);
    while crashes < wanted {
        crashes += runtime.block_on(live_and_crash(seed, wanted - crashes));
        seed += SHARES;
    }
    println!("{crashes} crashes");
}

#[test]
fn no_crash_loses_or_half_shows_an_image_first_share() {
    share_of_crashes(0);
}

#[test]
fn no_crash_loses_or_half_shows_an_image_second_share() {
    share_of_crashes(1);
}

#[test]
fn no_crash_loses_or_half_shows_an_image_third_share() {
    share_of_crashes(2);
}
