//! What is done to a machine between two crashes, and what the store may hold at each point of it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tempfile::TempDir;

use super::{
    check::{Packed, packed},
    choice,
    model::{Action, Model},
    options,
    perform::perform,
};
use crate::{
    ManualClock, Options, Store, Timestamp,
    simulation::{Machine, PATIENCE, dice::Dice},
};

/// Groups of actions in a life.
const GROUPS: usize = 14;

/// An action, and where in the log it was begun and acknowledged.
struct Member {
    action: Action,
    end: usize,
}

/// Actions that were done at the same time.
struct Group {
    before: Model,
    now: Timestamp,
    members: Vec<Member>,
    end: usize,
}

/// A life that is over.
pub(super) struct History {
    pub(super) machine: Arc<Machine>,
    /// Where it began; what comes before is the way up.
    pub(super) from: usize,
    groups: Vec<Group>,
    pub(super) past: Past,
}

/// What there ever was on a machine.
#[derive(Default)]
pub(super) struct Past {
    pub(super) sessions: BTreeSet<u32>,
    /// Stretches of packs that a row named.
    pub(super) packed: BTreeSet<Packed>,
}

impl History {
    pub(super) fn end(&self) -> usize {
        self.groups.last().map_or(self.from, |group| group.end)
    }

    /// What the store may hold after a crash at a point, the time then, and what was going on.
    pub(super) fn allowed(&self, at: usize) -> (Vec<Model>, Timestamp, Vec<&Action>) {
        let group = self.groups.iter().find(|group| at <= group.end).expect("the point lies in the life");
        let mut allowed = vec![group.before.clone()];
        for member in &group.members {
            let acknowledged = member.end <= at;
            let mut next = Vec::new();
            for model in allowed {
                let states = model.after(&member.action, group.now).states;
                if acknowledged {
                    next.push(states.into_iter().next_back().unwrap_or(model));
                } else {
                    next.push(model);
                    next.extend(states);
                }
            }
            allowed = next;
        }
        (allowed, group.now, group.members.iter().map(|member| &member.action).collect())
    }
}

/// A machine at work.
pub(super) struct Life {
    history: History,
    folder: TempDir,
    options: Options,
    clock: Arc<ManualClock>,
    /// None while it is opened again.
    store: Option<Store>,
    model: Model,
}

impl Life {
    /// A machine whose store was opened once and closed.
    pub(super) async fn first_machine() -> Arc<Machine> {
        let machine = Machine::new();
        let folder = TempDir::new().unwrap();
        let (options, _) = options(Timestamp::from_unix_micros(super::START), 0);
        let store = machine.open(folder.path(), options).await.unwrap();
        assert!(store.close(PATIENCE).await);
        machine.crash(machine.position(), 0)
    }

    pub(super) async fn begin(machine: Arc<Machine>, model: Model, now: Timestamp, run: u64, past: Past) -> Self {
        let folder = TempDir::new().unwrap();
        machine.restore_rows(folder.path());
        let (options, clock) = options(now, run);
        let store = machine.open(folder.path(), options.clone()).await.unwrap();
        let from = machine.position();
        let history = History { machine, from, groups: Vec::new(), past };
        Self { history, folder, options, clock, store: Some(store), model }
    }

    pub(super) async fn live(mut self, dice: &mut Dice) -> History {
        for _ in 0..GROUPS {
            let actions =
                if dice.once_in(4) { choice::several(&self.model, dice) } else { vec![choice::one(&self.model, dice)] };
            self.act(actions).await;
        }
        assert!(self.store().close(PATIENCE).await);
        self.history
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("it is open but while it is opened again")
    }

    async fn act(&mut self, actions: Vec<Action>) {
        match &actions[..] {
            [Action::Advance { minutes }] => self.clock.advance(Duration::from_mins(*minutes)),
            [Action::Restart] => self.restart().await,
            _ => {}
        }
        let before = self.model.clone();
        let now = self.store().now();
        self.history.past.sessions.extend(actions.iter().filter_map(|action| match action {
            Action::Chunk { session, .. } | Action::GiveUpChunk { session, .. } => Some(*session),
            _ => None,
        }));
        let (machine, store) = (&self.history.machine, self.store());
        let done =
            join_all(actions.iter().map(async |action| (perform(store, action).await, machine.position()))).await;
        self.settle().await;
        let end = self.history.machine.position();
        let mut members = Vec::new();
        for (action, (succeeded, acknowledged)) in actions.into_iter().zip(done) {
            let effect = self.model.after(&action, now);
            assert_eq!(succeeded, effect.succeeds, "{action:?} on {:#?}", self.model);
            self.model = effect.states.into_iter().next_back().unwrap_or_else(|| self.model.clone());
            let end = if action.is_left_alone() { end } else { acknowledged };
            members.push(Member { action, end });
        }
        self.history.past.packed.extend(packed(self.store()).await);
        self.history.groups.push(Group { before, now, members, end });
    }

    /// Waits for what goes on without anybody waiting for it.
    async fn settle(&self) {
        let tasks = &self.store().inner.tasks;
        tasks.close();
        tasks.wait().await;
        tasks.reopen();
    }

    async fn restart(&mut self) {
        // The folder is locked as long as the old one lives.
        let store = self.store.take().unwrap();
        assert!(store.close(PATIENCE).await);
        drop(store);
        self.store = Some(self.history.machine.open(self.folder.path(), self.options.clone()).await.unwrap());
    }
}
