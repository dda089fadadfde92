//! Chooses what is done next, so that most of it makes sense.

use super::{
    bodies::BodyId,
    model::{Action, Announced, How, Model, Moment, PIECES},
};
use crate::simulation::dice::Dice;

const PATHS: [&str; 7] = ["a", "b", "a/x", "a/y", "a/x/k", "c/z", "c"];
const THINGS: [&str; 5] = ["one", "two", "three", "four", "five"];

const PAIRS: usize = 3;

fn pair(number: usize) -> [String; 2] {
    [format!("picture {number}"), format!("thumbnail {number}")]
}

/// Every name that there can be outside of the tree.
pub(super) fn all_things() -> Vec<String> {
    THINGS.iter().map(|&thing| thing.to_owned()).chain((0..PAIRS).flat_map(pair)).collect()
}

fn how(dice: &mut Dice) -> How {
    How {
        announced: *dice.pick(&[Announced::Nothing, Announced::Right, Announced::Right, Announced::TooMuch]),
        quota: dice.once_in(3),
        frame: *dice.pick(&[700, 5_000, 20_000, 1_000_000]),
        detached: dice.once_in(6),
    }
}

fn path(dice: &mut Dice) -> String {
    (*dice.pick(&PATHS)).to_owned()
}

fn thing(dice: &mut Dice) -> String {
    (*dice.pick(&THINGS)).to_owned()
}

fn put(dice: &mut Dice) -> Action {
    Action::Put { path: path(dice), body: BodyId::any(dice), how: how(dice) }
}

fn give_up(dice: &mut Dice) -> Action {
    let moments = [Moment::Begun, Moment::HalfPushed, Moment::Pushed, Moment::Finishing, Moment::Finished];
    Action::GiveUp { body: BodyId::any(dice), how: how(dice), moment: *dice.pick(&moments) }
}

/// A chunk of a session that is open, or of a new one.
fn chunk(model: &Model, dice: &mut Dice) -> Action {
    let open: Vec<u32> =
        model.sessions.iter().filter(|(_, session)| session.takes_chunks()).map(|(id, _)| *id).collect();
    let (session, path, body) = if open.is_empty() || dice.once_in(5) {
        (u32::try_from(dice.roll() % 1_000_000).unwrap(), path(dice), BodyId::of_session(dice))
    } else {
        let id = *dice.pick(&open);
        (id, model.sessions[&id].path.clone(), model.sessions[&id].body)
    };
    let missing: Vec<u64> = match model.sessions.get(&session) {
        Some(known) if !dice.once_in(8) => (0..PIECES).filter(|piece| !known.recorded.contains(piece)).collect(),
        _ => (0..PIECES).collect(),
    };
    let first = if missing.is_empty() { 0 } else { *dice.pick(&missing) };
    let last = if first + 1 < PIECES && dice.once_in(4) { first + 1 } else { first };
    if dice.once_in(5) {
        Action::GiveUpChunk { session, path, body, first, last }
    } else {
        Action::Chunk { session, path, body, first, last }
    }
}

fn end_session(model: &Model, dice: &mut Dice) -> Action {
    let open: Vec<u32> =
        model.sessions.iter().filter(|(_, session)| session.takes_chunks()).map(|(id, _)| *id).collect();
    if open.is_empty() {
        return chunk(model, dice);
    }
    let complete = open.iter().find(|id| model.sessions[id].recorded.len() as u64 == PIECES);
    match complete {
        Some(session) if !dice.once_in(8) => Action::Commit { session: *session },
        _ if dice.once_in(3) => Action::DeleteSession { session: *dice.pick(&open) },
        _ => chunk(model, dice),
    }
}

fn names(model: &Model, dice: &mut Dice) -> Action {
    let queued: Vec<&String> =
        model.things.iter().filter(|(_, thing)| thing.status == "queued").map(|(name, _)| name).collect();
    match dice.below(6) {
        1 | 2 if !queued.is_empty() => {
            Action::Fill { thing: (*dice.pick(&queued)).clone(), body: BodyId::any(dice), how: how(dice) }
        }
        0 | 1 => Action::Create { thing: thing(dice) },
        2 => Action::Fill { thing: thing(dice), body: BodyId::any(dice), how: how(dice) },
        3 => {
            let things = pair(dice.below(PAIRS));
            Action::CreatePair { things, bodies: [BodyId::any(dice), BodyId::any(dice)], how: how(dice) }
        }
        4 => Action::Share { thing: thing(dice), of: thing(dice) },
        _ => {
            let known: Vec<&String> = model.things.keys().collect();
            let name = if known.is_empty() { thing(dice) } else { (*dice.pick(&known)).clone() };
            Action::Delete { thing: name, bury: dice.once_in(8) }
        }
    }
}

/// The next thing to do alone.
pub(super) fn one(model: &Model, dice: &mut Dice) -> Action {
    match dice.below(20) {
        0..=4 => put(dice),
        5 => give_up(dice),
        6..=8 => names(model, dice),
        9..=11 => chunk(model, dice),
        12 | 13 => end_session(model, dice),
        14 => Action::Copy { from: path(dice), to: path(dice) },
        15 => Action::DeletePath { path: path(dice) },
        16 | 17 => Action::Sweep,
        18 => Action::Fingerprint,
        _ if dice.once_in(3) => Action::Restart,
        _ => Action::Advance { minutes: *dice.pick(&[1, 16, 31, 60 * 25]) },
    }
}

/// Some things to do at the same time; none of them has to do with what another changes.
pub(super) fn several(model: &Model, dice: &mut Dice) -> Vec<Action> {
    let mut paths = vec!["a", "b", "c/z", "d"];
    let mut things = vec!["one", "two", "three"];
    let mut chosen = Vec::new();
    let session = chunk(model, dice);
    if let Action::Chunk { session, path, body, .. } = &session {
        paths.retain(|other| other != path);
        let known = model.sessions.get(session);
        let missing = (0..PIECES).filter(|piece| known.is_none_or(|known| !known.recorded.contains(piece)));
        chosen.extend(missing.take(dice.below(3)).map(|piece| Action::Chunk {
            session: *session,
            path: path.clone(),
            body: *body,
            first: piece,
            last: piece,
        }));
    }
    for _ in 0..2 + dice.below(3) {
        let body = BodyId::any(dice);
        let how = How { detached: false, ..how(dice) };
        chosen.push(match dice.below(6) {
            0..=2 if !paths.is_empty() => {
                let path = paths.remove(dice.below(paths.len())).to_owned();
                Action::Put { path, body, how }
            }
            3 if !things.is_empty() => {
                let thing = things.remove(dice.below(things.len())).to_owned();
                match model.things.get(&thing) {
                    Some(known) if known.status == "queued" => Action::Fill { thing, body, how },
                    Some(_) => Action::Delete { thing, bury: false },
                    None => Action::Create { thing },
                }
            }
            4 => Action::Sweep,
            _ => give_up(dice),
        });
    }
    chosen
}
