//! What a store should hold: the same as a few plain maps after the same actions.

use std::collections::{BTreeMap, BTreeSet};

use crate::{ByteRange, DONE_WRITERS_STAY, Limits, Timestamp};

use super::bodies::BodyId;

/// A session's body comes in so many pieces.
pub(super) const PIECES: u64 = 4;

/// Something that is done to a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// A file of the tree, new or in the place of another.
    Put {
        path: String,
        body: BodyId,
        how: How,
    },
    /// An upload that is given up at some moment.
    GiveUp {
        body: BodyId,
        how: How,
        moment: Moment,
    },
    /// A name without content, which takes one upload.
    Create {
        thing: String,
    },
    /// That upload.
    Fill {
        thing: String,
        body: BodyId,
        how: How,
    },
    /// Two names whose bodies come in one change.
    CreatePair {
        things: [String; 2],
        bodies: [BodyId; 2],
        how: How,
    },
    /// A name that shares the content of another.
    Share {
        thing: String,
        of: String,
    },
    Delete {
        thing: String,
        bury: bool,
    },
    Chunk {
        session: u32,
        path: String,
        body: BodyId,
        first: u64,
        last: u64,
    },
    GiveUpChunk {
        session: u32,
        path: String,
        body: BodyId,
        first: u64,
        last: u64,
    },
    Commit {
        session: u32,
    },
    DeleteSession {
        session: u32,
    },
    Copy {
        from: String,
        to: String,
    },
    DeletePath {
        path: String,
    },
    Sweep,
    Fingerprint,
    Advance {
        minutes: u64,
    },
    Restart,
}

impl Action {
    /// Nobody waits for its end.
    pub(super) const fn is_left_alone(&self) -> bool {
        match self {
            Self::Put { how, .. } | Self::Fill { how, .. } => how.detached,
            _ => false,
        }
    }
}

/// How a body comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct How {
    pub(super) announced: Announced,
    pub(super) quota: bool,
    pub(super) frame: usize,
    /// The caller goes away as soon as it asked for the commit.
    pub(super) detached: bool,
}

/// Which size an upload names beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    Nothing,
    Right,
    /// More than comes.
    TooMuch,
}

/// When an upload is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Begun,
    HalfPushed,
    Pushed,
    Finishing,
    Finished,
}

/// A name outside of trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thing {
    pub(super) status: &'static str,
    pub(super) body: Option<BodyId>,
}

/// An upload session. One of which nothing was recorded does not count: the store may end it whenever it likes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) path: String,
    pub(super) body: BodyId,
    pub(super) recorded: BTreeSet<u64>,
    touched: Timestamp,
    committed: Option<Timestamp>,
}

impl Session {
    fn missing(&self) -> Vec<ByteRange> {
        let mut missing: Vec<ByteRange> = Vec::new();
        if self.committed.is_some() {
            return missing;
        }
        for piece in (0..PIECES).filter(|piece| !self.recorded.contains(piece)) {
            let range = piece_range(self.body, piece, piece);
            match missing.last_mut() {
                Some(last) if last.last + 1 == range.first => last.last = range.last,
                _ => missing.push(range),
            }
        }
        missing
    }

    pub(super) fn takes_chunks(&self) -> bool {
        self.committed.is_none()
    }
}

/// The bytes of some pieces.
pub(super) fn piece_range(body: BodyId, first: u64, last: u64) -> ByteRange {
    let length = body.length as u64;
    ByteRange { first: length * first / PIECES, last: length * (last + 1) / PIECES - 1 }
}

/// Everything that clients can see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) files: BTreeMap<String, BodyId>,
    pub(super) things: BTreeMap<String, (String, Option<BodyId>)>,
    pub(super) buried: BTreeSet<String>,
    pub(super) sessions: BTreeMap<u32, (String, Vec<ByteRange>)>,
}

/// What a store should hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) files: BTreeMap<String, BodyId>,
    pub(super) things: BTreeMap<String, Thing>,
    pub(super) buried: BTreeSet<String>,
    pub(super) sessions: BTreeMap<u32, Session>,
}

/// What an action does, and whether it succeeds.
pub(super) struct Effect {
    /// What the store holds after each transaction that clients can see, in their order.
    pub(super) states: Vec<Model>,
    pub(super) succeeds: bool,
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

impl Model {
    pub(super) fn seen(&self, now: Timestamp) -> Seen {
        let mut model = self.clone();
        model.expire(now);
        let sessions = model.sessions.iter().map(|(id, session)| (*id, (session.path.clone(), session.missing())));
        let things = self.things.iter().map(|(name, thing)| (name.clone(), (thing.status.to_owned(), thing.body)));
        Seen {
            files: self.files.clone(),
            things: things.collect(),
            buried: self.buried.clone(),
            sessions: sessions.collect(),
        }
    }

    /// Sessions that the clock has ended go.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let expiry = Limits::default().session_expiry;
        self.sessions.retain(|_, session| match session.committed {
            Some(committed) => committed.plus(DONE_WRITERS_STAY) > now,
            None => session.touched.plus(expiry) > now,
        });
    }

    fn delete_path(&mut self, path: &str) {
        self.files.retain(|file, _| file != path && !is_below(file, path));
    }

    /// None when the copy is refused.
    fn copy(&mut self, from: &str, to: &str) -> Option<()> {
        let overlap = from == to || is_below(from, to) || is_below(to, from);
        let file = self.files.get(from).copied();
        let below: Vec<(String, BodyId)> = self
            .files
            .iter()
            .filter(|(path, _)| is_below(path, from))
            .map(|(path, body)| (path.clone(), *body))
            .collect();
        if overlap || file.is_none() && below.is_empty() {
            return None;
        }
        if let Some(body) = file {
            self.files.insert(to.to_owned(), body);
        }
        if !below.is_empty() {
            self.files.retain(|path, _| !is_below(path, to));
            self.files.extend(below.into_iter().map(|(path, body)| (format!("{to}{}", &path[from.len()..]), body)));
        }
        Some(())
    }

    fn insert_thing(&mut self, name: &str, status: &'static str, body: Option<BodyId>) -> Option<()> {
        if self.things.contains_key(name) || self.buried.contains(name) {
            return None;
        }
        self.things.insert(name.to_owned(), Thing { status, body });
        Some(())
    }

    /// What an action does to a store that holds this.
    pub(super) fn after(&self, action: &Action, now: Timestamp) -> Effect {
        let mut before = self.clone();
        before.expire(now);
        match action {
            Action::Chunk { session, path, body, first, last } => {
                before.chunk(*session, path, *body, *first..=*last, now)
            }
            Action::GiveUpChunk { session, path, body, first, last } => {
                let effect = before.chunk(*session, path, *body, *first..=*last, now);
                Effect { states: if effect.succeeds { vec![before] } else { Vec::new() }, ..effect }
            }
            _ => {
                let mut after = before;
                let succeeds = after.change(action, now).is_some();
                Effect { states: if succeeds { vec![after] } else { Vec::new() }, succeeds }
            }
        }
    }

    /// What an action of one transaction changes; none when it is refused.
    fn change(&mut self, action: &Action, now: Timestamp) -> Option<()> {
        match action {
            Action::Put { path, body, .. } => drop(self.files.insert(path.clone(), *body)),
            Action::Create { thing } => self.insert_thing(thing, "queued", None)?,
            Action::Fill { thing, body, .. } => {
                let thing = self.things.get_mut(thing).filter(|thing| thing.status == "queued")?;
                *thing = Thing { status: "active", body: Some(*body) };
            }
            Action::CreatePair { things, bodies, .. } => {
                self.insert_thing(&things[0], "active", Some(bodies[0]))?;
                self.insert_thing(&things[1], "active", Some(bodies[1]))?;
            }
            Action::Share { thing, of } => {
                let body = self.things.get(of)?.body?;
                self.insert_thing(thing, "active", Some(body))?;
            }
            Action::Delete { thing, bury } => {
                self.things.remove(thing)?;
                if *bury {
                    self.buried.insert(thing.clone());
                }
            }
            Action::Commit { session } => {
                let session = self.sessions.get_mut(session)?;
                if session.recorded.len() as u64 != PIECES {
                    return None;
                }
                session.committed = Some(now);
                self.files.insert(session.path.clone(), session.body);
            }
            Action::DeleteSession { session } => drop(self.sessions.remove(session)?),
            Action::Copy { from, to } => self.copy(from, to)?,
            Action::DeletePath { path } => self.delete_path(path),
            _ => {}
        }
        Some(())
    }

    fn chunk(
        &self,
        id: u32,
        path: &str,
        body: BodyId,
        pieces: std::ops::RangeInclusive<u64>,
        now: Timestamp,
    ) -> Effect {
        let mut after = self.clone();
        let session = after.sessions.entry(id).or_insert_with(|| Session {
            path: path.to_owned(),
            body,
            recorded: BTreeSet::new(),
            touched: now,
            committed: None,
        });
        if session.committed.is_some() || pieces.clone().any(|piece| session.recorded.contains(&piece)) {
            return Effect { states: Vec::new(), succeeds: false };
        }
        session.recorded.extend(pieces);
        session.touched = now;
        Effect { states: vec![after], succeeds: true }
    }
}
