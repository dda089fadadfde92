//! The plan against a model of a service that loses answers, forgets sessions, and gets chunks late.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What can happen next. The numbers choose among the chunks in flight.
#[derive(Debug, Clone, Copy)]
enum Step {
    Send,
    /// The chunk is stored and the answer comes.
    Acknowledge(usize),
    /// The chunk is stored and the answer does not come.
    LoseAnswer(usize),
    /// The chunk is not stored.
    LoseChunk(usize),
    /// The chunk is stored after it was given up.
    Late(usize),
    NotSent(usize),
    /// The question goes out.
    Ask,
    /// The service looks at what it has.
    Look,
    /// The answer comes.
    Answer,
    /// The session is gone.
    Forget,
    Shrink,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Send),
        4 => (0_usize..8).prop_map(Step::Acknowledge),
        2 => (0_usize..8).prop_map(Step::LoseAnswer),
        2 => (0_usize..8).prop_map(Step::LoseChunk),
        1 => (0_usize..8).prop_map(Step::Late),
        1 => (0_usize..8).prop_map(Step::NotSent),
        3 => Just(Step::Ask),
        3 => Just(Step::Look),
        3 => Just(Step::Answer),
        1 => Just(Step::Forget),
        1 => Just(Step::Shrink),
    ];
    prop::collection::vec(step, 0..120)
}

/// The service, and what the client can know.
struct World {
    plan: ChunkPlan,
    length: u64,
    stored: BTreeSet<u64>,
    flying: Vec<Range<u64>>,
    late: Vec<Range<u64>>,
    /// What the client was told that the service has, and was not told otherwise since.
    told: BTreeSet<u64>,
    asked: bool,
    looked: Option<Vec<Range<u64>>>,
    /// Whether something happened that makes the service refuse chunks: one came late, or the service forgot some.
    disturbed: bool,
}

impl World {
    fn new(length: u64, chunk: u64, there: &[Range<u64>]) -> Self {
        let plan = ChunkPlan::new(length, NonZeroU64::new(chunk).unwrap());
        let stored = there.iter().cloned().flatten().filter(|position| *position < length).collect();
        let (flying, late, told) = Default::default();
        Self { plan, length, stored, flying, late, told, asked: false, looked: None, disturbed: false }
    }

    fn lacking(&self) -> Vec<Range<u64>> {
        let mut lacking = Spans::of(0..self.length);
        self.stored.iter().for_each(|&position| drop(lacking.take(position..position + 1)));
        lacking.iter().collect()
    }

    fn choose(&mut self, number: usize) -> Option<Range<u64>> {
        let count = self.flying.len();
        (count > 0).then(|| self.flying.remove(number % count))
    }

    /// Stores a chunk as the service does: whole, and only if it has none of it.
    fn store(&mut self, chunk: &Range<u64>) -> bool {
        let free = chunk.clone().all(|position| !self.stored.contains(&position));
        if free {
            self.stored.extend(chunk.clone());
        }
        free
    }

    fn send(&mut self) {
        let Some(chunk) = self.plan.next() else { return };
        assert!(!chunk.is_empty() && chunk.end <= self.length);
        assert!(chunk.clone().all(|position| !self.told.contains(&position)), "{chunk:?} was acknowledged");
        let overlaps = |other: &Range<u64>| other.start < chunk.end && chunk.start < other.end;
        assert!(!self.flying.iter().any(overlaps), "{chunk:?} is in flight");
        self.flying.push(chunk);
    }

    fn answer(&mut self) {
        let Some(lacking) = self.looked.take().filter(|_| self.asked) else { return };
        self.asked = false;
        let before = self.plan.bytes_stored();
        let answered = self.plan.expected(lacking.clone());
        let mut there = Spans::of(0..self.length);
        for range in &lacking {
            there.take(range.clone());
        }
        self.told.extend(there.iter().flatten());
        assert_eq!(self.plan.bytes_stored(), before + answered.arrived - answered.forgotten);
        assert!(self.disturbed || answered.forgotten == 0);
        if self.disturbed {
            lacking.into_iter().flatten().for_each(|position| {
                self.told.remove(&position);
            });
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Send => self.send(),
            Step::Acknowledge(number) => {
                let Some(chunk) = self.choose(number) else { return };
                if self.store(&chunk) {
                    self.told.extend(chunk.clone());
                    self.plan.acknowledged(chunk);
                } else {
                    assert!(self.disturbed, "{chunk:?} was sent though the service has some of it");
                    self.plan.lost(chunk);
                }
            }
            Step::LoseAnswer(number) => {
                let Some(chunk) = self.choose(number) else { return };
                assert!(self.store(&chunk) || self.disturbed);
                self.plan.lost(chunk);
            }
            Step::LoseChunk(number) => self.choose(number).into_iter().for_each(|chunk| self.plan.lost(chunk)),
            Step::NotSent(number) => self.choose(number).into_iter().for_each(|chunk| self.plan.not_sent(chunk)),
            Step::Late(number) => {
                let Some(chunk) = self.choose(number) else { return };
                self.plan.lost(chunk.clone());
                self.late.push(chunk);
                self.disturbed = true;
            }
            Step::Ask => {
                self.plan.ask();
                (self.asked, self.looked) = (true, None);
            }
            Step::Look if self.asked => self.looked = Some(self.lacking()),
            Step::Look => {}
            Step::Answer => self.answer(),
            Step::Forget => {
                self.stored.clear();
                self.disturbed = true;
            }
            Step::Shrink => self.plan.shrink(NonZeroU64::new(2).unwrap()),
        }
    }

    fn question(&mut self) {
        for step in [Step::Ask, Step::Look, Step::Answer] {
            self.step(step);
        }
    }

    /// A service that works from here on gets everything.
    fn finish(&mut self) {
        for chunk in std::mem::take(&mut self.late) {
            self.store(&chunk);
        }
        for _ in 0..3 {
            self.question();
            self.step(Step::Send);
            while !self.flying.is_empty() {
                self.step(Step::Acknowledge(0));
                self.step(Step::Send);
            }
        }
        assert!(self.plan.is_complete() && !self.plan.must_ask());
        assert_eq!((self.stored.len() as u64, self.plan.bytes_stored()), (self.length, self.length));
    }
}

proptest! {
    #[test]
    fn every_byte_arrives_and_none_is_sent_that_is_known_to_be_there(
        length in 0_u64..200,
        chunk in 1_u64..50,
        there in prop::collection::vec((0_u64..200, 0_u64..30).prop_map(|(start, length)| start..start + length), 0..4),
        steps in steps(),
    ) {
        let mut world = World::new(length, chunk, &there);
        // Whoever goes on with an upload asks first.
        world.question();
        for step in steps {
            world.step(step);
        }
        world.finish();
    }
}

fn plan(length: u64, chunk: u64) -> ChunkPlan {
    ChunkPlan::new(length, NonZeroU64::new(chunk).unwrap())
}

#[test]
fn a_lost_chunk_waits_for_an_answer() {
    let mut plan = plan(20, 10);
    let (first, second) = (plan.next().unwrap(), plan.next().unwrap());
    plan.lost(first);
    assert_eq!((plan.next(), plan.must_ask(), plan.is_complete()), (None, true, false));
    plan.ask();
    // Lost after the question: the answer may be older than its arrival.
    plan.lost(second);
    assert_eq!(plan.expected([0..10, 10..20]), Answered::default());
    assert_eq!((plan.next(), plan.next(), plan.must_ask()), (Some(0..10), None, true));
}

#[test]
fn what_another_client_left_is_cut_where_it_lies() {
    let mut plan = plan(100, 16);
    plan.ask();
    assert_eq!(plan.expected([70..99, 7..30]), Answered { arrived: 48, lost: 0, forgotten: 0 });
    let chunks: Vec<_> = std::iter::from_fn(|| plan.next()).collect();
    assert_eq!(chunks, [7..23, 23..30, 70..86, 86..99]);
}

#[test]
fn a_lost_session_starts_over_except_for_what_is_in_flight() {
    let mut plan = plan(30, 10);
    let _ = (plan.next(), plan.next());
    plan.acknowledged(0..10);
    assert_eq!(plan.restart(), Answered { arrived: 0, lost: 0, forgotten: 10 });
    plan.acknowledged(10..20);
    assert_eq!((plan.next(), plan.next(), plan.next()), (Some(0..10), Some(20..30), None));
}

#[test]
fn an_answer_without_a_question_and_news_of_no_chunk_change_nothing() {
    let mut plan = plan(10, 10);
    plan.acknowledged(0..10);
    plan.lost(0..10);
    assert_eq!(plan.expected([]), Answered::default());
    assert_eq!(plan.next(), Some(0..10));
}

#[test]
fn an_empty_file_is_complete() {
    assert!(plan(0, 1).is_complete());
    assert_eq!(plan(0, 1).next(), None);
}

#[test]
fn positions_up_to_the_last_are_counted_right() {
    let mut plan = plan(u64::MAX, u64::MAX - 1);
    assert_eq!((plan.next(), plan.next()), (Some(0..u64::MAX - 1), Some(u64::MAX - 1..u64::MAX)));
}
