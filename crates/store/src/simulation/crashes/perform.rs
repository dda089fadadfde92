//! Does an action to a real store, and says whether it succeeded.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, future::poll_immediate};
use uuid::Uuid;

use super::{
    bodies::{BodyId, SMALL},
    model::{Action, Announced, How, Moment, piece_range},
};
use crate::{
    Account, Change, ChunkError, ChunkRequest, CommitError, Condition, NameKey, NewContent, NewName, Received,
    SessionError, Store, Tree, TreeCopy, Update, Upload, UploadError, UploadRequest,
};

const DIALECT: &str = "toy";

pub(super) fn tree() -> Tree {
    Tree::new(DIALECT, "files")
}

pub(super) fn key(thing: &str) -> NameKey {
    NameKey::new(DIALECT, "things", thing)
}

pub(super) fn session_id(session: u32) -> Uuid {
    Uuid::from_u128(u128::from(session) + 1)
}

fn request(body: BodyId, how: How, account: &str) -> UploadRequest {
    let account = Account::new(DIALECT, account).with_quota(how.quota.then_some(1 << 30));
    let length = body.length as u64;
    UploadRequest::new(account).declared(match how.announced {
        Announced::Nothing => None,
        Announced::Right => Some(length),
        Announced::TooMuch => Some(length + 20_000),
    })
}

async fn push(upload: &mut Upload, bytes: &Bytes, frame: usize) {
    for frame in bytes.chunks(frame) {
        upload.push(Bytes::copy_from_slice(frame)).await.unwrap();
    }
}

async fn receive(store: &Store, request: UploadRequest, body: BodyId, how: How) -> Result<Received, UploadError> {
    let mut upload = store.begin(request).await?;
    push(&mut upload, &body.bytes(), how.frame).await;
    upload.finish().await
}

/// Commits; a caller that goes away knows nothing, and its commit is carried out all the same.
async fn commit(received: Received, beside: Vec<Received>, change: Change, how: How) -> Result<(), CommitError> {
    let commit = received.commit_with(beside, change);
    if how.detached {
        if let Some(done) = poll_immediate(commit.boxed()).await {
            done?;
        }
        return Ok(());
    }
    commit.await.map(drop)
}

fn content(thing: &str, content: NewContent) -> NewName {
    NewName::new(key(thing), "active").content(content)
}

async fn give_up(store: &Store, body: BodyId, how: How, moment: Moment) {
    let mut upload = store.begin(request(body, how, "files")).await.unwrap();
    let bytes = body.bytes();
    match moment {
        Moment::Begun => {}
        Moment::HalfPushed => push(&mut upload, &bytes.slice(..bytes.len() / 2), how.frame).await,
        _ => push(&mut upload, &bytes, how.frame).await,
    }
    match moment {
        Moment::Finishing => drop(poll_immediate(upload.finish().boxed()).await),
        Moment::Finished => drop(upload.finish().await.unwrap()),
        _ => {}
    }
}

async fn chunk(
    store: &Store,
    (session, path): (u32, &str),
    body: BodyId,
    (first, last): (u64, u64),
    gives_up: bool,
) -> Result<(), ChunkError> {
    let range = piece_range(body, first, last);
    let request = ChunkRequest {
        session: session_id(session),
        tree: tree(),
        path: path.to_owned(),
        total: body.length as u64,
        first: range.first,
        last: range.last,
        quota: None,
    };
    let mut writer = store.begin_chunk(request).await?;
    let at = |position: u64| usize::try_from(position).unwrap();
    let bytes = body.bytes().slice(at(range.first)..=at(range.last));
    if gives_up {
        return writer.push(bytes.slice(..bytes.len() / 2)).await;
    }
    writer.push(bytes).await?;
    writer.finish().await
}

/// Whether it was done; what is not expected of a store that works is a panic.
pub(super) async fn perform(store: &Store, action: &Action) -> bool {
    match action {
        Action::Put { path, body, how } => {
            let received = receive(store, request(*body, *how, "files"), *body, *how).await.unwrap();
            commit(received, Vec::new(), Change::new().put_file(&tree(), path), *how).await.unwrap();
            true
        }
        Action::Fill { thing, body, how } => fill(store, thing, *body, *how).await,
        Action::CreatePair { things, bodies, how } => create_pair(store, things, *bodies, *how).await,
        Action::GiveUp { body, how, moment } => {
            give_up(store, *body, *how, *moment).await;
            true
        }
        Action::Chunk { session, path, body, first, last } => {
            allowed(chunk(store, (*session, path), *body, (*first, *last), false).await)
        }
        Action::GiveUpChunk { session, path, body, first, last } => {
            allowed(chunk(store, (*session, path), *body, (*first, *last), true).await)
        }
        Action::Commit { session } => match store.commit_session(&tree(), session_id(*session)).await {
            Ok(()) => true,
            Err(SessionError::Fault(fault)) => panic!("{fault:?}"),
            Err(_) => false,
        },
        Action::DeleteSession { session } => store.delete_session(&tree(), session_id(*session)).await.unwrap(),
        Action::Sweep => store.sweep().await.map(|_| true).unwrap(),
        Action::Fingerprint => store.fingerprint().await.map(|_| true).unwrap(),
        Action::Advance { .. } | Action::Restart => true,
        _ => change(store, rows_of(action)).await,
    }
}

fn allowed(done: Result<(), ChunkError>) -> bool {
    match done {
        Ok(()) => true,
        Err(ChunkError::RangeOverlaps(_)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

/// The change of an action without bytes.
fn rows_of(action: &Action) -> Change {
    let change = Change::new();
    match action {
        Action::Create { thing } => change.create(NewName::new(key(thing), "queued")),
        Action::Share { thing, of } => change.create(content(thing, NewContent::SameAs(key(of)))),
        Action::Delete { thing, bury: false } => change.delete(key(thing), Condition::EXISTS),
        Action::Delete { thing, bury: true } => change.delete(key(thing), Condition::EXISTS).bury(key(thing)),
        Action::Copy { from, to } => change.copy_path(TreeCopy {
            tree: tree(),
            from: from.clone(),
            to: to.clone(),
            skip: Vec::new(),
            mark: None,
            require_mark: false,
            quota: None,
        }),
        Action::DeletePath { path } => change.delete_path(&tree(), path),
        other => unreachable!("{other:?} has bytes"),
    }
}

async fn change(store: &Store, change: Change) -> bool {
    match store.apply(change).await {
        Ok(_) => true,
        Err(error) => error.refusal().map(|_| false).unwrap(),
    }
}

async fn fill(store: &Store, thing: &str, body: BodyId, how: How) -> bool {
    let queued = Condition::status("queued");
    let request = request(body, how, "things").exclusive(key(thing), queued.clone());
    let received = match receive(store, request, body, how).await {
        Ok(received) => received,
        Err(UploadError::TargetRefused(_)) => return false,
        Err(error) => panic!("{error:?}"),
    };
    let update = Update::default().status("active").content(NewContent::Uploaded);
    commit(received, Vec::new(), Change::new().update(key(thing), queued, update), how).await.unwrap();
    true
}

async fn create_pair(store: &Store, things: &[String; 2], bodies: [BodyId; 2], how: How) -> bool {
    let mut received = Vec::new();
    for body in bodies {
        received.push(receive(store, request(body, how, "things"), body, how).await.unwrap());
    }
    let beside = received.split_off(1);
    let first = received.remove(0);
    let change = Change::new()
        .create(content(&things[0], NewContent::Uploaded))
        .create(content(&things[1], NewContent::UploadedBeside(0)));
    match commit(first, beside, change, How { detached: false, ..how }).await {
        Ok(()) => true,
        Err(CommitError::Refused { .. }) => false,
        Err(error) => panic!("{error:?}"),
    }
}

/// The limits of every store here.
pub(super) fn limits() -> crate::Limits {
    // No machine is so busy, or is halted so long, that this one passes.
    let deadline = Duration::from_hours(1);
    crate::Limits { small_threshold: SMALL, disk_reserve: 0, deadline, ..crate::Limits::default() }
}
