//! Changes of a view: what becomes of its picture, thumbnail and links together, and in which order changes are made.

use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use pentaprism_store::{Change, Condition, NewContent, NewName, Update};
use tokio::sync::{Mutex, MutexGuard};

use super::answer::Answer;
use super::problem::Problem;
use super::view::{Links, STATUS, View, key, thumbnail_key};
use crate::dialects::public::link::{self, PublicFile};

/// What the file of a picture is called in its link.
pub(super) const FULL_NAME: &str = "image.png";

/// What the file of a thumbnail is called in its link.
pub(super) const THUMBNAIL_NAME: &str = "thumbnail.png";

/// What pictures are served as.
const MEDIA_TYPE: &str = "image/png";

/// In which turn a thumbnail's own bytes come after the picture's.
const BESIDE: usize = 0;

/// More views than are changed at a time. Two that share a place wait for each other without need, and nothing else.
const PLACES: usize = 64;

/// How long a change waits for those before it: as long as the store takes for one that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lets the changes of one view go one after the other, so that the last one wins as a whole and none is in vain.
#[derive(Debug)]
pub(super) struct Turns([Mutex<()>; PLACES]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Turns {
    /// Waits until the view `id` is not being changed.
    pub(super) async fn wait(&self, id: &str) -> Result<MutexGuard<'_, ()>, Problem> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let places = self.0.len() as u64;
        let place = usize::try_from(hasher.finish() % places).unwrap_or_default();
        let turn = tokio::time::timeout(PATIENCE, self.0[place].lock()).await;
        turn.map_err(|_| Answer::internal("The storage did not answer in time.").into())
    }
}

/// How often a change is made anew.
const ATTEMPTS: usize = 4;

/// Makes a change that has its turn, anew as long as another one came between its look at the view and itself: a request that
/// goes away gives its turn back at once, and the store makes its change all the same.
pub(super) async fn anew<C: Future<Output = Result<(), Problem>>>(change: impl Fn() -> C) -> Result<(), Problem> {
    for _ in 1..ATTEMPTS {
        match change().await {
            Err(Problem::Outdated(_)) => {}
            made => return made,
        }
    }
    change().await
}

/// Where the bytes of a thumbnail are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThumbnailBytes {
    /// The picture is its own thumbnail.
    OfThePicture,
    /// A second body goes with the change.
    Beside,
}

/// Puts an uploaded picture on a view, in place of one that it may have: picture, thumbnail and new links at once, and the
/// old links go.
pub(super) fn new_picture(view: &View, links: Links, thumbnail: ThumbnailBytes) -> Change {
    let id = &view.name.key.key;
    let (picture_key, thumbnail_key) = (key(id), thumbnail_key(id));
    let (full, small) = (PublicFile::new(FULL_NAME, MEDIA_TYPE), PublicFile::new(THUMBNAIL_NAME, MEDIA_TYPE));
    let full = full.link(&links.full, picture_key.clone());
    let small = small.link(&links.thumbnail, thumbnail_key.clone());
    let mut attributes = view.attributes.clone();
    let earlier = attributes.links.replace(links);
    let update = Update::default().attributes(attributes.to_value()).content(NewContent::Uploaded);
    let bytes = match thumbnail {
        ThumbnailBytes::OfThePicture => NewContent::SameAs(picture_key.clone()),
        ThumbnailBytes::Beside => NewContent::UploadedBeside(BESIDE),
    };
    let change = Change::new().update(picture_key, Condition::version(view.name.version), update);
    let change = match earlier {
        Some(earlier) => {
            without_links(change, &earlier).update(thumbnail_key, Condition::EXISTS, Update::default().content(bytes))
        }
        None => change.create(NewName::new(thumbnail_key, STATUS).content(bytes)),
    };
    change.create(full).create(small)
}

/// Deletes a view with all that hangs on it.
pub(super) fn deletion(view: &View) -> Change {
    let id = &view.name.key.key;
    let change = Change::new().delete(key(id), Condition::version(view.name.version)).bury(key(id));
    match &view.attributes.links {
        Some(links) => without_links(change, links).delete(thumbnail_key(id), Condition::EXISTS),
        None => change,
    }
}

fn without_links(change: Change, links: &Links) -> Change {
    change.delete(link::key(&links.full), Condition::EXISTS).delete(link::key(&links.thumbnail), Condition::EXISTS)
}
